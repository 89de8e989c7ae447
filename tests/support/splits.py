"""Environments that a split can lead to, put beside a project's own ones."""

from __future__ import annotations

from greenroom.domain.environments import Arm, Environment, full_arm
from greenroom.domain.ids import EnvironmentId, PrincipalId, ReleaseId, WorkspaceId
from greenroom.domain.releases import InFlight, Release
from greenroom.ports import Store, Writing
from greenroom.providers.clock import SystemClock
from greenroom.services.states import load_project


async def open_place(
    store: Store, workspace: WorkspaceId, slug: str, alias: str, version: int | None, *, internal: bool = False
) -> EnvironmentId:
    """Adds an environment that serves a version to everybody (None: nothing); returns its id."""
    clock = SystemClock()

    def work(tx: Writing) -> EnvironmentId:
        project = load_project(tx, slug)
        made = Environment(
            id=EnvironmentId(clock.new_id("environment")),
            project=project.id,
            alias=alias,
            name=alias.title(),
            position=len(tx.list_environments(project.id)),
            editable=False,
            internal=internal,
            promotes_from=None,
            draft_mode="private",
            salt=f"salt of {alias}",
        )
        assert tx.insert_environment(made)
        if version is not None:
            release(tx, clock, made.id, 0, full_arm(version))
        return made.id

    return await store.write(workspace, work)


def release(tx: Writing, clock: SystemClock, environment: EnvironmentId, seq: int, arms: tuple[Arm, ...]) -> None:
    """Serves arms in an environment whose sequence is `seq`."""
    assert tx.swap_served(environment, seq, arms)
    made = Release(
        id=ReleaseId(clock.new_id("release")),
        environment=environment,
        seq=seq + 1,
        operation="promote",
        from_arms=(),
        to_arms=arms,
        in_flight=InFlight("finish"),
        actor=PrincipalId("mem_test"),
        at=clock.now(),
        reason="",
        beneath=None,
    )
    tx.insert_release(made)


async def delete_place(store: Store, workspace: WorkspaceId, slug: str, alias: str) -> None:
    """Marks an environment as deleted, as whoever deletes it will."""
    from dataclasses import replace

    def work(tx: Writing) -> None:
        found = tx.find_environment(load_project(tx, slug).id, alias)
        assert found is not None
        tx.update_environment(replace(found, deleted_at=SystemClock().now()))

    await store.write(workspace, work)
