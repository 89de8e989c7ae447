"""Backups of either database, restored into either; and those that must not be."""

from __future__ import annotations

import asyncio
import base64
import filecmp
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.canonical import digest_of_bytes
from greenroom.domain.errors import Invalid, Unavailable
from greenroom.domain.events import verify_chain
from greenroom.domain.versions import snapshot_of
from greenroom.ports import Store
from greenroom.storage.sql import backup, migrate, newest_revision, open_store, restore
from greenroom.storage.sql.opening import sqlite_path
from tests.contract.storage.samples import (
    A,
    B,
    body,
    event,
    fill,
    make_workspaces,
    project,
    session,
    topic,
    turn,
)
from tests.contract.storage.test_isolation import READING, everything
from tests.support import postgres


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> Any:
    """URL of another database, empty, on each kind of server in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/restored/greenroom.db"
    else:
        request.getfixturevalue("postgres_server")
        with postgres.fresh_database() as fresh:
            yield fresh


async def fill_both(store: Store) -> None:
    """Gives A some of everything, more than a portion of some of it, and B a little."""
    await fill(store)
    many = {topic(f"t{n}"): body(f"text {n}") for n in range(700)}
    await store.write(A, lambda t: t.put_bodies(project().id, many, {topic("t1"): [topic("t2")]}))
    snapshot = snapshot_of({address: each.digest for address, each in many.items()})
    await store.write(A, lambda t: t.put_snapshot(snapshot))
    await store.write(A, lambda t: [t.append(event(f"number.{n}")) for n in range(600)])
    await store.write(A, lambda t: t.insert_turn(turn(6, heard="zero\0 “quoted” \u2028 \U0001f3e8")))
    await store.write(B, lambda t: t.append(event()))
    await store.system(lambda t: t.insert_session(session()))
    await store.system(lambda t: t.mark_delivered(A, 3))


@pytest.fixture
async def filled(sql_store: Store) -> Store:
    await fill_both(sql_store)
    return sql_store


@pytest.fixture
async def made(filled: Store, url: str, tmp_path: Path) -> Path:
    """A backup of a database of each kind in turn."""
    file = tmp_path / "made.zip"
    await backup(url, file)
    return file


@pytest.fixture(scope="session")
def sample(sqlite_template: Path) -> Path:
    """A backup that all tests of refusals share; which database it comes from does not show."""
    folder = sqlite_template.parent
    file, url = folder / "sample.zip", f"sqlite:///{folder}/sample.db"

    async def make() -> None:
        await migrate(url)
        store = await open_store(url)
        await make_workspaces(store)
        await fill_both(store)
        await store.close()
        await backup(url, file)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, make()).result()
    return file


def manifest(file: Path) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("manifest.json"))


async def test_a_restored_store_has_equal_content_and_goes_on(
    filled: Store, made: Path, empty_url: str, tmp_path: Path
) -> None:
    contents = await restore(made, empty_url)
    assert contents.schema == newest_revision()
    assert contents.rows["audit"] == 602
    restored = await open_store(empty_url)
    await restored.check()
    assert await restored.read(A, everything) == await filled.read(A, everything)
    chain = await restored.read(A, lambda t: t.list_audit(0, 10_000))
    assert chain == await filled.read(A, lambda t: t.list_audit(0, 10_000))
    assert verify_chain(chain) is None

    # Nobody is told again of what happened before.
    assert await restored.system(lambda t: t.list_undelivered(1000)) == ()
    assert (await restored.write(A, lambda t: t.append(event()))).seq == 602
    assert [record.seq for _, record in await restored.system(lambda t: t.list_undelivered(9))] == [602]
    await restored.close()


async def test_a_backup_of_a_restored_store_is_the_same_but_for_the_outbox(
    made: Path, empty_url: str, tmp_path: Path
) -> None:
    await restore(made, empty_url)
    again = tmp_path / "again.zip"
    await backup(empty_url, again)
    before, after = manifest(made)["tables"], manifest(again)["tables"]
    assert before.pop("outbox") != after.pop("outbox")
    assert before == after
    third, fourth = tmp_path / "third.db", tmp_path / "third.zip"
    await restore(again, f"sqlite:///{third}")
    await backup(f"sqlite:///{third}", fourth)
    assert filecmp.cmp(again, fourth, shallow=False)


async def test_a_backup_sees_one_moment_while_others_write(filled: Store, url: str, tmp_path: Path) -> None:
    going = True

    async def write() -> None:
        while going:
            await filled.write(A, lambda t: (t.append(event()), t.append(event())))

    writers = [asyncio.create_task(write()) for _ in range(4)]
    for n in range(3):
        file = tmp_path / f"{n}.zip"
        contents = await backup(url, file)
        await restore(file, f"sqlite:///{tmp_path}/{n}.db")
        assert contents.rows["audit"] % 2 == 0
    going = False
    await asyncio.gather(*writers)
    chain = await filled.read(A, lambda t: t.list_audit(0, 100_000))
    assert verify_chain(chain) is None


async def test_a_file_that_exists_is_not_written_over(url: str, tmp_path: Path) -> None:
    (tmp_path / "kept.zip").write_text("precious")
    with pytest.raises(Invalid) as refused:
        await backup(url, tmp_path / "kept.zip")
    assert refused.value.code == "file_exists"
    assert (tmp_path / "kept.zip").read_text() == "precious"


async def test_a_failed_backup_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "none.zip")
    with pytest.raises(Unavailable):
        await backup("postgresql://nobody@127.0.0.1:1/none", tmp_path / "none.zip")
    assert os.listdir(tmp_path) == []


async def test_a_backup_is_for_its_owner_only(made: Path) -> None:
    assert os.stat(made).st_mode & 0o077 == 0
    assert not [name for name in os.listdir(made.parent) if "partial" in name]


async def refuse(file: Path, url: str, code: str) -> Invalid:
    with pytest.raises(Invalid) as refused:
        await restore(file, url)
    assert refused.value.code == code, refused.value.detail
    return refused.value


async def is_empty(url: str) -> bool:
    store = await open_store(url)
    try:
        await store.check()
        found = await store.read(A, lambda t: [find(t) for find in READING.values()])
        return not any(found) and await store.system(lambda t: t.list_workspaces()) == ()
    finally:
        await store.close()


async def test_a_database_with_anything_in_it_is_left_alone(made: Path, empty_url: str) -> None:
    await migrate(empty_url)
    store = await open_store(empty_url)
    await make_workspaces(store)
    await refuse(made, empty_url, "database_not_empty")
    assert await store.system(lambda t: t.list_workspaces()) == (A, B)
    assert await store.read(A, lambda t: t.list_audit(0, 10)) == ()
    await store.close()


async def test_what_is_no_backup_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path}/target.db"
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "holiday pictures")
    text = tmp_path / "text.zip"
    text.write_text("no zip at all")
    bare = tmp_path / "copied.db"
    database = sqlite_path(sqlite_url)
    assert database is not None
    shutil.copyfile(database, bare)
    for file in (other, text, tmp_path):
        await refuse(file, target, "not_a_backup")
    assert "greenroom backup" in (await refuse(bare, target, "not_a_backup")).detail
    await refuse(tmp_path / "none.zip", target, "no_backup")
    assert not (tmp_path / "target.db").exists()


def rewrite(file: Path, out: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Writes a copy of a backup with other content, in a zip that is sound in itself."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out


def resign(entries: dict[str, bytes]) -> None:
    """Makes the manifest fit what was changed, as somebody who knows the format would."""
    facts = json.loads(entries["manifest.json"])
    for name, table in facts["tables"].items():
        data = entries[f"tables/{name}.jsonl"]
        table["rows"] = data.count(b"\n")
        table["sha256"] = digest_of_bytes(data).removeprefix("sha256:")
    entries["manifest.json"] = json.dumps(facts).encode()


def edit(table: str, change: Callable[[list[list[Any]]], Any]) -> Callable[[dict[str, bytes]], None]:
    """Returns a change to the rows of one table, with the manifest made to fit."""

    def work(entries: dict[str, bytes]) -> None:
        name = f"tables/{table}.jsonl"
        rows = [json.loads(line) for line in entries[name].splitlines()]
        change(rows)
        entries[name] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        resign(entries)

    return work


def manifest_with(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def work(entries: dict[str, bytes]) -> None:
        entries["manifest.json"] = json.dumps({**json.loads(entries["manifest.json"]), **changes}).encode()

    return work


def replace_bytes(name: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def work(entries: dict[str, bytes]) -> None:
        assert old in entries[name]
        entries[name] = entries[name].replace(old, new, 1)

    return work


def forge(text: str, other: str) -> Callable[[list[list[Any]]], None]:
    """Edits the third audit record and gives it the digest of its new content."""

    def work(rows: list[list[Any]]) -> None:
        payload = base64.b64decode(rows[2][-1]).replace(text.encode(), other.encode())
        rows[2][-1] = base64.b64encode(payload).decode()
        rows[2][3] = digest_of_bytes(payload)

    return work


def swap(rows: list[list[Any]]) -> None:
    """Lets the fourth and fifth audit record change places."""
    rows[3][1], rows[4][1] = rows[4][1], rows[3][1]


TAMPERED: dict[str, tuple[str, Callable[[dict[str, bytes]], Any]]] = {
    "another schema": ("other_schema", manifest_with(schema="0000")),
    "another format": ("not_a_backup", manifest_with(format="greenroom-backup/9")),
    "a table too few": ("damaged_backup", manifest_with(tables={})),
    "a table whose file is gone": ("damaged_backup", lambda entries: entries.__delitem__("tables/turns.jsonl")),
    "a changed row": ("damaged_backup", replace_bytes("tables/releases.jsonl", b"promote", b"hotfix_")),
    "a row less": ("damaged_backup", lambda e: e.update({"tables/versions.jsonl": b""})),
    "a row that is no JSON": ("damaged_backup", replace_bytes("tables/releases.jsonl", b"[", b"{")),
    "a row too short": ("damaged_backup", edit("releases", lambda rows: rows[0].pop())),
    "an orphan": ("damaged_backup", edit("turns", lambda rows: rows[0].__setitem__(1, "cnv_none"))),
    "a twin": ("damaged_backup", edit("turns", lambda rows: rows.append(rows[0]))),
    "another body": ("damaged_backup", edit("entity_bodies", lambda rows: rows[0].__setitem__(2, "e30="))),
    "another shard": ("damaged_backup", edit("shards", lambda rows: rows[0].__setitem__(2, "e30="))),
    "an audit record edited": ("damaged_backup", edit("audit", forge("number", "nimber"))),
    "an audit record deleted": ("damaged_backup", edit("audit", lambda rows: rows.pop(3))),
    "the last audit record deleted": ("damaged_backup", edit("audit", lambda rows: rows.pop(600))),
    "a whole audit deleted": ("damaged_backup", edit("audit", lambda rows: rows.clear())),
    "audit records swapped": (
        "damaged_backup",
        edit("audit", swap),
    ),
    "an audit with another head": (
        "damaged_backup",
        edit("workspace_chains", lambda rows: rows[0].__setitem__(1, 600)),
    ),
}


@pytest.mark.parametrize("name", list(TAMPERED))
async def test_a_backup_that_was_tampered_with_is_refused_whole(sample: Path, tmp_path: Path, name: str) -> None:
    code, change = TAMPERED[name]
    target = f"sqlite:///{tmp_path}/target.db"
    await refuse(rewrite(sample, tmp_path / "changed.zip", change), target, code)
    assert not (tmp_path / "target.db").exists() or await is_empty(target)
    # The sound one still goes in.
    await restore(sample, target)


def damage(file: Path, out: Path, change: Callable[[bytearray], Any]) -> Path:
    data = bytearray(file.read_bytes())
    change(data)
    out.write_bytes(data)
    return out


@pytest.mark.parametrize("cut", [0.2, 0.9, 0.999])
async def test_a_file_cut_short_is_refused(sample: Path, tmp_path: Path, cut: float) -> None:
    short = damage(sample, tmp_path / "short.zip", lambda data: data.__delitem__(slice(int(len(data) * cut), None)))
    await refuse(short, f"sqlite:///{tmp_path}/target.db", "not_a_backup")


async def test_a_flipped_bit_is_found(sample: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(sample) as archive:
        place = archive.getinfo("tables/turns.jsonl").header_offset + 80
    flipped = damage(sample, tmp_path / "flipped.zip", lambda data: data.__setitem__(place, data[place] ^ 4))
    await refuse(flipped, f"sqlite:///{tmp_path}/target.db", "damaged_backup")


async def test_a_refused_restore_into_postgres_leaves_nothing(sample: Path, tmp_path: Path, postgres_url: str) -> None:
    changed = rewrite(sample, tmp_path / "changed.zip", TAMPERED["the last audit record deleted"][1])
    await refuse(changed, postgres_url, "damaged_backup")
    assert await is_empty(postgres_url)
