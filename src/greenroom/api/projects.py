"""Projects on the network: made, listed, renamed, deleted, filled from a folder and written to one."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Annotated, Final, Literal

from fastapi import Query
from starlette.responses import Response

from greenroom.api.asking import Ask, Given, ProjectPath, reply
from greenroom.api.bodies import ARCHIVE_LIMIT
from greenroom.api.environments import DryRun
from greenroom.api.etags import quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, MAX_NUMBER, Cursor, Limit, page_of, read_text_cursor
from greenroom.services.imports import ImportOutcome
from greenroom.services.migrations import Migration
from greenroom.services.projects import ProjectView
from greenroom.services.work import Call
from greenroom.wire.imports import ReportRow
from greenroom.wire.model import Page
from greenroom.wire.projects import (
    ImportOut,
    ImportRow,
    MigrationIn,
    MigrationOut,
    ProjectChangeIn,
    ProjectIn,
    ProjectOut,
)

NOUN: Final = Noun("projects")
ZIP: Final = "application/zip"
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_FORMS = dict.fromkeys((ZIP, "application/gzip", "application/octet-stream"), _BYTES)
_UPLOAD = {"requestBody": {"required": True, "content": _FORMS}}
_DOWNLOAD = {"responses": {"200": {"description": "The archive.", "content": {ZIP: _BYTES}}}}
RefQuery = Annotated[
    str | None, Query(max_length=200, description="A ref; without one, what the default entry's environment serves.")
]


@NOUN.verb("POST", "/projects", "create", ProjectOut, 201)
async def create(ask: Given, body: ProjectIn) -> Response:
    """Makes a project with the environments of its template."""
    return await ask.write(
        lambda call: ask.desk.projects.create(call, body.name, body.slug, body.template),
        project_out,
        status=201,
        moves=True,
    )


@NOUN.verb("GET", "/projects", "list", Page[ProjectOut])
async def list_(ask: Given, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists projects by slug."""
    after = read_text_cursor("projects", cursor) or ""
    found = await ask.desk.projects.list(ask.call, after, limit + 1)
    return reply(page_of("projects", found, limit, lambda view: view.project.slug, project_out))


@NOUN.verb("GET", "/projects/{project}", "load", ProjectOut)
async def load(ask: Given, project: ProjectPath) -> Response:
    """Loads one project by slug or id."""
    return reply(project_out(await ask.desk.projects.load(ask.call, project)))


@NOUN.verb("PATCH", "/projects/{project}", "rename", ProjectOut)
async def rename(ask: Given, project: ProjectPath, body: ProjectChangeIn) -> Response:
    """Gives a project another display name; its slug stays."""
    return await ask.write(lambda call: ask.desk.projects.rename(call, project, body.name), project_out, moves=True)


@NOUN.verb("POST", "/projects/{project}/migrate", "migrate", MigrationOut)
async def migrate(ask: Given, project: ProjectPath, body: MigrationIn, dry_run: DryRun = False) -> Response:
    """Makes a legacy project's Production into Main; the old aliases go on answering, marked as deprecated."""
    if dry_run:
        return reply(migration_out(await ask.desk.migrations.plan(ask.call, project)))
    return await ask.write(
        lambda call: ask.desk.migrations.migrate(call, project, body.expected_seq), migration_out, moves=True
    )


@NOUN.verb("DELETE", "/projects/{project}", "delete", None, 204)
async def delete(ask: Given, project: ProjectPath) -> Response:
    """Deletes a project with its versions, releases and conversations; the audit keeps its history."""
    return await ask.write(lambda call: ask.desk.projects.delete(call, project), lambda _: None, status=204, moves=True)


@NOUN.verb("POST", "/projects/{project}/import", "import_folder", ImportOut, raw=ARCHIVE_LIMIT, extra=_UPLOAD)
async def import_folder(
    ask: Given,
    project: ProjectPath,
    format: Annotated[str, Query(max_length=40, description="greenroom, or another system's.")] = "greenroom",  # noqa: A002 - the API's word
    environment: Annotated[
        str | None, Query(max_length=80, description="Whose draft; by default the first editable environment's.")
    ] = None,
    path: Annotated[
        str | None,
        Query(max_length=300, description="Where the file belongs, when the body is one file: topic/pets.yaml."),
    ] = None,
    mode: Annotated[
        Literal["replace", "overlay"], Query(description="Whether what the folder lacks is removed, or stays.")
    ] = "replace",
    revision: Annotated[
        int | None,
        Query(ge=0, le=MAX_NUMBER, description="The draft's revision that was seen, 0 for no draft."),
    ] = None,
    dry_run: Annotated[bool, Query(description="Says what would happen and writes nothing.")] = False,
) -> Response:
    """Reads a folder, as a zip or tar.gz archive, or one file of it, into the caller's draft.

    The draft becomes what the folder says, whole or not at all; the report accounts for every file. With
    `path` the body is one file, and everything else in the draft stays. Edits in the draft are overwritten only
    where `revision` says that they were seen (428 without it, 412 when the draft changed since).
    """
    archive = await ask.request.body()

    def carry_out(call: Call) -> Awaitable[ImportOutcome]:
        return ask.desk.imports.import_folder(
            call,
            project,
            archive,
            format,
            environment=environment,
            path=path,
            overlay=mode == "overlay",
            dry_run=dry_run,
            revision=revision,
        )

    if dry_run:
        return reply(import_out(await carry_out(ask.call)))
    return await ask.write(carry_out, import_out)


@NOUN.verb("GET", "/projects/{project}/export", "export", None, extra=_DOWNLOAD)
async def export(ask: Given, project: ProjectPath, ref: RefQuery = None) -> Response:
    """Returns a state as a deterministic zip archive of YAML and code files."""
    done = await ask.desk.imports.export(ask.call, project, await choose_ref(ask, project, ref))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{project}-{done.state.ref}")[:120]
    headers = {"content-disposition": f'attachment; filename="{name}.zip"', "etag": quote_tag(done.state.digest)}
    return Response(done.archive, 200, headers, ZIP)


async def choose_ref(ask: Ask, project: str, ref: str | None) -> str:
    """Returns the ref that was given, else the alias of the default entry's environment."""
    if ref is not None:
        return ref
    return (await ask.desk.projects.load(ask.call, project)).default_alias


def project_out(view: ProjectView) -> ProjectOut:
    """Returns a project as it is sent."""
    project = view.project
    return ProjectOut(
        id=project.id,
        slug=project.slug,
        name=project.name,
        template=project.template,
        default_environment=view.default_alias,
        created_at=project.created_at,
    )


def import_out(done: ImportOutcome) -> ImportOut:
    """Returns an import's outcome as it is sent."""
    return ImportOut(
        environment=done.environment,
        revision=done.revision,
        digest=done.digest,
        added=done.added,
        edited=done.edited,
        removed=done.removed,
        unchanged=done.unchanged,
        overwritten=[str(address) for address in done.overwritten],
        dry_run=done.dry_run,
        report=[_row(row) for row in done.report],
    )


def _row(row: ReportRow) -> ImportRow:
    return ImportRow(
        path=row.path,
        item=row.item,
        status=row.status,
        count=row.count,
        address="" if row.address is None else str(row.address),
        reason=row.reason,
    )


def migration_out(migration: Migration) -> MigrationOut:
    """Returns a migration, or the plan of one, as it is sent."""
    return MigrationOut(
        project=migration.project.slug,
        template=migration.project.template,
        main=migration.main.alias,
        seq=migration.main.seq,
        deprecated=dict(migration.deprecated),
    )
