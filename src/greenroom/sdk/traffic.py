"""Traffic: which version serves a key, and the immutable bundle of a version."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_bytes, as_model, path_of, read_call
from greenroom.sdk.verb import Noun, S_co, Verb
from greenroom.wire.conversations import ResolveOut


class Traffic(Noun[S_co]):
    """Decisions about traffic, without a conversation."""

    @Verb
    def resolve(
        self,
        project: str,
        key: str,
        *,
        environment: str | None = None,
        share_link: str | None = None,
        number: str | None = None,
    ) -> Call[ResolveOut]:
        """Says which version serves a traffic key, and why; an environment, a share link or a number go before all."""
        query = {"key": key, "environment": environment, "share_link": share_link, "number": number}
        return read_call(as_model(ResolveOut), path_of("projects", project, "resolve"), query)


class Bundles(Noun[S_co]):
    """Complete snapshots by digest; they never change."""

    @Verb
    def load(self, project: str, digest: str) -> Call[bytes]:
        """Returns a snapshot as JSON bytes."""
        return read_call(as_bytes, path_of("projects", project, "bundles", digest))
