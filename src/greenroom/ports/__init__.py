"""Everything the inside asks of the outside."""

from greenroom.ports.reaching import (
    Cipher,
    ModelKey,
    Models,
    Outbound,
    OutboundRequest,
    OutboundResponse,
    Outside,
    Reach,
    Reachable,
    Sandbox,
    ToolServers,
)
from greenroom.ports.storing import (
    Clock,
    ConversationFilter,
    Reading,
    Referrer,
    Replayed,
    RunningGroup,
    Store,
    System,
    Writing,
)

__all__ = [
    "Cipher",
    "Clock",
    "ConversationFilter",
    "ModelKey",
    "Models",
    "Outbound",
    "OutboundRequest",
    "OutboundResponse",
    "Outside",
    "Reach",
    "Reachable",
    "Reading",
    "Referrer",
    "Replayed",
    "RunningGroup",
    "Sandbox",
    "Store",
    "System",
    "ToolServers",
    "Writing",
]
