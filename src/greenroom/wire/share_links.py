"""Share links on the network: the token is shown once."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from greenroom.domain.testers import MAX_LABEL
from greenroom.wire.model import In, Moment, Out


class ShareLinkIn(In):
    """A link to an environment, until a time at most 90 days away."""

    environment: Annotated[str, Field(min_length=1, max_length=80)]
    expires_at: AwareDatetime
    label: Annotated[str, Field(max_length=MAX_LABEL)] = ""


class ShareLinkOut(Out):
    """A link without its token; `environment` is empty where it was deleted."""

    id: str
    environment: str
    label: str
    created_at: Moment
    created_by: str
    expires_at: Moment
    revoked_at: Moment | None


class NewShareLinkOut(ShareLinkOut):
    """A new link; its token is shown here and never again. Send it as `share_link` to start a conversation."""

    token: str
