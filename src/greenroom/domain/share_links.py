"""Share links: tokens that lead to one environment until they expire or are revoked (R23)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom.domain.errors import Fault, Invalid, Refused

MAX_SPAN = timedelta(days=90)
MAX_TOKEN = 200


@dataclass(frozen=True, slots=True)
class ShareLink:
    """A link without its token, of which only the SHA-256 is kept. `environment` is an id."""

    id: str
    environment: str
    token_hash: str
    label: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Says whether it leads anywhere."""
        return self.revoked_at is None and now < self.expires_at


def check_expiry(expires_at: datetime, now: datetime) -> None:
    """Raises Invalid `invalid_expiry` for a time that is over or more than 90 days away."""
    if not now < expires_at <= now + MAX_SPAN:
        message = f"must be in the future, and at most {MAX_SPAN.days} days from now"
        raise Invalid("invalid_expiry", f"/expires_at {message}", errors=[Fault("/expires_at", message)])


def check_open(link: ShareLink, now: datetime) -> None:
    """Raises Refused `share_link_over` when a link was revoked or has expired."""
    if link.is_open(now):
        return
    over = f"was revoked on {link.revoked_at:%Y-%m-%d}" if link.revoked_at else f"expired on {link.expires_at:%Y-%m-%d}"
    raise Refused("share_link_over", f"this share link {over}; ask for a new one")


def read_link_id(token: str) -> str:
    """Returns the id that a token begins with; what follows the dot is the secret."""
    return token[:MAX_TOKEN].partition(".")[0]
