"""A state is the same state everywhere (check 13): same digest and same archive in any store, order and process."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.domain.entities import Address, Body, freeze_body
from greenroom.domain.versions import EMPTY_SNAPSHOT, snapshot_of
from greenroom.kinds import KINDS
from greenroom.services.plans import PublishRequest, RollbackRequest
from greenroom.storage.sql import migrate
from greenroom.wire.archives import pack
from greenroom.wire.folder import to_files
from tests.fault.houses import House, Room, new_sqlite
from tests.fault.profile import LONG
from tests.property.kind_bodies import sound_bodies

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = 300 if LONG else 10
VERSIONS = 100 if LONG else 12


@pytest.fixture
def houses(tmp_path: Path, postgres_url: str) -> Iterator[list[House]]:
    """A memory store, a SQLite file and a PostgreSQL database."""
    asyncio.run(migrate(postgres_url))
    found = [House(), House(new_sqlite(tmp_path)), House(postgres_url)]
    yield found
    for house in found:
        house.close()


@st.composite
def contents(draw: st.DrawFn) -> dict[Address, Body]:
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=4, unique=True))
    slugs = st.lists(st.sampled_from(["a", "b-2", "c_3"]), min_size=1, max_size=2, unique=True)
    found: dict[Address, Body] = {}
    for name in kinds:
        kind: Any = KINDS[name]
        for slug in [kind.singleton] if kind.singleton else draw(slugs):
            found[Address(name, slug)] = draw(sound_bodies(kind))
    return found


def digest_of(entities: Mapping[Address, Body]) -> str:
    return snapshot_of({address: freeze_body(body).digest for address, body in entities.items()}).digest


def new_room(house: House) -> Room:
    room = house.open()
    room.run(room.desk.projects.create(room.call(), "Hotel", "hotel", "simple"))
    return room


def bring_in(room: Room, archive: bytes) -> str:
    return room.run(room.desk.imports.import_folder(room.call(), "hotel", archive, "greenroom")).digest


def take_out(room: Room, ref: str) -> tuple[str, bytes]:
    export = room.run(room.desk.imports.export(room.call(), "hotel", ref))
    return export.state.digest, export.archive


def test_an_archive_taken_from_store_to_store_keeps_its_digest_and_its_bytes(houses: list[House]) -> None:
    @settings(max_examples=EXAMPLES)
    @given(entities=contents())
    def carry(entities: dict[Address, Body]) -> None:
        archive = pack(to_files(entities, KINDS))
        wanted = digest_of(entities)
        for house in (*houses, houses[0]):
            room = new_room(house)
            assert bring_in(room, archive) == wanted
            digest, out = take_out(room, "draft:production")
            assert digest == wanted
            assert out == archive
            archive = out

    carry()


def test_a_rollback_to_the_first_of_many_versions_is_the_first_version(houses: list[House]) -> None:
    for house in houses:
        room = new_room(house)
        call, desk = room.call(), room.desk
        first: tuple[str, bytes] | None = None
        for number in range(1, VERSIONS + 1):
            topic = {"name": "Opening", "sample_questions": ["When do you open?"], "content": f"At {number}."}
            bring_in(room, pack(to_files({Address("topic", "opening"): KINDS["topic"].complete(topic)}, KINDS)))
            request = PublishRequest(f"Opening hours, edition {number}", expected_seq=number - 1)
            digest = room.run(desk.publishing.plan(call, "hotel", "production", request)).digest
            request = PublishRequest(request.note, expected_seq=number - 1, confirm_digest=digest)
            room.run(desk.publishing.publish(call, "hotel", "production", request))
            first = first or take_out(room, "production")
        room.run(desk.releases.roll_back(call, "hotel", "production", RollbackRequest("back to the start", to=1)))
        assert take_out(room, "production") == take_out(room, "v1") == first
        assert take_out(room, "production")[0] != take_out(room, f"v{VERSIONS}")[0]


@given(entities=contents(), dice=st.randoms(use_true_random=False))
def test_digests_do_not_depend_on_the_order_of_keys_or_entities(entities: dict[Address, Body], dice: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, Mapping):
            keys = list(value)
            dice.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(one) for one in value] if isinstance(value, list | tuple) else value

    again: dict[Address, Body] = {address: shuffled(entities[address]) for address in shuffled(entities)}
    assert digest_of(again) == digest_of(entities)
    assert pack(to_files(again, KINDS)) == pack(to_files(entities, KINDS))
    one_by_one = EMPTY_SNAPSHOT
    for address, body in again.items():
        one_by_one = one_by_one.with_changes({address: freeze_body(body).digest})
    assert one_by_one.digest == digest_of(entities)


PROGRAM = """
import hashlib, json, sys
from greenroom.domain.entities import freeze_body, parse_address
from greenroom.domain.versions import snapshot_of
from greenroom.kinds import KINDS
from greenroom.wire.archives import pack
from greenroom.wire.folder import to_files
entities = {parse_address(text): body for text, body in json.load(sys.stdin).items()}
digest = snapshot_of({address: freeze_body(body).digest for address, body in entities.items()}).digest
print(digest, hashlib.sha256(pack(to_files(entities, KINDS))).hexdigest())
"""


def test_digests_do_not_depend_on_the_process_or_its_hash_seed() -> None:
    entities: dict[Address, Body] = {
        Address(name, kind.singleton or "a"): kind.complete(kind.sample) for name, kind in KINDS.items()
    }
    wanted = f"{digest_of(entities)} {hashlib.sha256(pack(to_files(entities, KINDS))).hexdigest()}"
    for number, seed in enumerate(["0", "1", "4242424242"]):
        addresses = sorted(entities, reverse=bool(number % 2))
        said = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            input=json.dumps({str(address): entities[address] for address in addresses}),
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.strip() == wanted
