"""An inn of parallel environments, with a conflict, a share of traffic and a number; and a legacy lodge."""

from __future__ import annotations

from typing import Any

from greenroom.bootstrap import read_demo
from greenroom.domain.access import Principal
from greenroom.domain.entities import Address
from greenroom.domain.environments import revision_of_settings
from greenroom.services.desk import Desk
from greenroom.services.environment_changes import EnvironmentChange, NewEnvironment
from greenroom.services.numbers import NumberChange
from greenroom.services.plans import PublishRequest
from greenroom.services.splits import ShareRequest, SplitRequest
from greenroom.services.work import Call
from greenroom.wire.archives import pack

INN = "/projects/inn"
PETS = Address("topic", "pet-policy")
PARKING = Address("topic", "parking")
WIFI = Address("topic", "wifi")


async def furnish_inn(desk: Desk, owner: Principal) -> None:
    """Makes a parallel project whose first version is served by Main."""
    call = Call(owner, "furnish")
    await desk.projects.create(call, "Harbour Inn", "inn", "parallel")
    await desk.imports.import_folder(call, "inn", pack(read_demo()[0]), "greenroom")
    await publish(desk, call, "inn", "main", "First version of the inn")


async def furnish_parallel(desk: Desk, owner: Principal) -> None:
    """Makes the inn with branches of every sort, and a project that may migrate."""
    call = Call(owner, "furnish")
    await furnish_inn(desk, owner)
    for name, internal in (("Summer menu", False), ("Winter offers", False), ("Lab", True)):
        await desk.environment_changes.create(call, "inn", NewEnvironment(name, clone_from="main", internal=internal))
    await edit_in(desk, call, "main", PETS, content="Pets are welcome at £10 a night. Please keep them on a lead.")
    await edit_in(desk, call, "main", WIFI, content="The wifi is called Harbour; there is no password.")
    await publish(desk, call, "inn", "main", "Pets cost £10; the wifi has a new name")
    await edit_in(desk, call, "summer-menu", PETS, content="Dogs are welcome in summer, at £15 a night.")
    await edit_in(desk, call, "summer-menu", WIFI, content="The wifi is called Terrace in summer.")
    await edit_in(desk, call, "summer-menu", PARKING, content="Parking is free from June to August.")
    await publish(desk, call, "inn", "summer-menu", "[SEASONAL] Summer prices, free parking")
    await edit_in(desk, call, "winter-offers", PARKING, content="Parking is £4 a night in winter.")
    await publish(desk, call, "inn", "winter-offers", "[SEASONAL] Parking is cheaper in winter")
    await edit_in(desk, call, "winter-offers", PETS, content="No pets in winter.")
    shares = [ShareRequest("main", 90), ShareRequest("winter-offers", 10)]
    await desk.splits.set(call, "inn", SplitRequest(shares), "*")
    await desk.numbers.add(call, "inn", "+442079460077", NumberChange("winter-offers", "Reception"))
    lab = (await desk.environments.load(call, "inn", "lab")).environment
    await desk.environment_changes.change(
        call, "inn", "lab", EnvironmentChange(add_alias="laboratory"), revision_of_settings(lab)
    )
    await desk.projects.create(call, "The Lodge", "lodge", "legacy")


async def publish(desk: Desk, call: Call, slug: str, alias: str, note: str) -> None:
    """Publishes a draft, confirming what the plan shows."""
    plan = await desk.publishing.plan(call, slug, alias, PublishRequest(note))
    said = PublishRequest(note, expected_seq=plan.environment.seq, confirm_digest=plan.digest)
    await desk.publishing.publish(call, slug, alias, said)


async def edit_in(desk: Desk, call: Call, alias: str, address: Address, **fields: Any) -> None:
    """Changes some fields of an entity in the draft of an environment of the inn."""
    view = await desk.content.load(call, "inn", address, f"draft:{alias}")
    body = {key: value for key, value in view.body.items() if key != "schema"}
    await desk.drafts.save(call, "inn", alias, address, {**body, **fields}, view.revision)


PAGES = {
    "environments-parallel": f"{INN}/environments",
    "environments-table": f"{INN}/environments?show=table",
    "environment-branch": f"{INN}/environments/winter-offers",
    "environment-new": f"{INN}/new-environment",
    "environment-clone": f"{INN}/new-environment?from=draft:winter-offers",
    "environment-change": f"{INN}/environments/lab/change",
    "environment-delete": f"{INN}/environments/winter-offers/delete?move_to=main",
    "environment-delete-open": f"{INN}/environments/winter-offers/delete",
    "aliases": f"{INN}/aliases",
    "merge": f"{INN}/merge",
    "merge-conflicts": f"{INN}/merge?source=summer-menu&target=main",
    "merge-clean": f"{INN}/merge?source=winter-offers&target=main&delete_source=1",
    "merge-replace": f"{INN}/merge?source=main&target=lab&strategy=replace",
    "merge-nothing": f"{INN}/merge?source=lab&target=main",
    "settings-legacy": "/projects/lodge/settings",
    "migrate": "/projects/lodge/migrate",
}
