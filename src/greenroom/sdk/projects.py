"""Projects: create, list, load, rename, delete, import, export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from greenroom.sdk.exchange import (
    Call,
    as_bytes,
    as_model,
    as_nothing,
    fill,
    path_of,
    read_call,
    write_call,
)
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.projects import ImportOut, MigrationIn, MigrationOut, ProjectChangeIn, ProjectIn, ProjectOut

ZIP = "application/zip"
GZIP = "application/gzip"


class Projects(Noun[S_co]):
    """The projects of the caller's workspace."""

    @Verb
    def create(self, name: str, *, slug: str | None = None, template: str | None = None) -> Call[ProjectOut]:
        """Makes a project with the environments of its template."""
        body = fill(ProjectIn, name=name, slug=slug, template=template)
        return write_call("POST", as_model(ProjectOut), path_of("projects"), body=body)

    @ListVerb
    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[ProjectOut]]:
        """Lists projects by slug."""
        return read_call(as_model(Page[ProjectOut]), path_of("projects"), {"cursor": cursor, "limit": limit})

    @Verb
    def load(self, project: str) -> Call[ProjectOut]:
        """Loads one project by slug or id."""
        return read_call(as_model(ProjectOut), path_of("projects", project))

    @Verb
    def rename(self, project: str, name: str) -> Call[ProjectOut]:
        """Gives a project another display name; its slug stays."""
        body = fill(ProjectChangeIn, name=name)
        return write_call("PATCH", as_model(ProjectOut), path_of("projects", project), body=body)

    @Verb
    def migrate(self, project: str, *, expected_seq: int | None = None, dry_run: bool = False) -> Call[MigrationOut]:
        """Makes a legacy project parallel; `expected_seq` is Production's."""
        body = fill(MigrationIn, expected_seq=expected_seq)
        path = path_of("projects", project, "migrate")
        return write_call("POST", as_model(MigrationOut), path, body=body, query={"dry_run": dry_run})

    @Verb
    def delete(self, project: str) -> Call[None]:
        """Deletes a project with all its versions and conversations."""
        return write_call("DELETE", as_nothing, path_of("projects", project))

    @Verb
    def import_folder(
        self,
        project: str,
        archive: bytes,
        *,
        format: str | None = None,  # noqa: A002 - the API's word
        environment: str | None = None,
        path: str | None = None,
        mode: Literal["replace", "overlay"] | None = None,
        dry_run: bool = False,
        revision: int | None = None,
        on_sent: Callable[[int], None] | None = None,
    ) -> Call[ImportOut]:
        """Reads a folder, as a zip or tar.gz archive, or (with `path`) one file of it, into the caller's draft.

        `revision` is what the caller saw of the draft; without it no edit there is overwritten.
        """
        query = {
            "format": format,
            "environment": environment,
            "path": path,
            "mode": mode,
            "dry_run": dry_run,
            "revision": revision,
        }
        kind = GZIP if archive[:2] == b"\x1f\x8b" else ZIP
        kind = kind if path is None else "application/octet-stream"
        call = write_call(
            "POST",
            as_model(ImportOut),
            path_of("projects", project, "import"),
            query=query,
            headers={"Content-Type": kind},
        )
        return replace(call, request=replace(call.request, body=archive, on_sent=on_sent))

    @Verb
    def export(self, project: str, *, ref: str | None = None) -> Call[bytes]:
        """Returns a state as a deterministic zip archive of YAML and code files."""
        return read_call(as_bytes, path_of("projects", project, "export"), {"ref": ref})
