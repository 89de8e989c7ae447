"""The only way out of the server. Every socket that an agent can cause is opened here."""

from greenroom.providers.outbound.addresses import Allowed, is_public, read_allowed
from greenroom.providers.outbound.client import SafeOutbound, SafeTransport, check_url, resolve

__all__ = ["Allowed", "SafeOutbound", "SafeTransport", "check_url", "is_public", "read_allowed", "resolve"]
