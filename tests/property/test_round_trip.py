"""from_files(to_files(e)) is e: for every sound body, for any text, through archives too."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.canonical import canonical_json
from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Invalid
from greenroom.domain.kind import Shape
from greenroom.kinds import ALL, KINDS
from greenroom.kinds.schema import ModelKind
from greenroom.wire.archives import pack, unpack
from greenroom.wire.folder import from_files, to_files
from greenroom.wire.yaml_text import load
from greenroom.wire.yaml_writer import dump
from tests.property.kind_bodies import json_values, sound_bodies, texts


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
@given(data=st.data())
def test_sound_bodies_come_back_from_files(kind: ModelKind, data: st.DataObject) -> None:
    body = data.draw(sound_bodies(kind))
    address = Address(kind.name, kind.singleton or "a")
    files = to_files({address: body}, KINDS)
    found = from_files(files, KINDS)
    assert canonical_json(found[address]) == canonical_json(body)
    assert found == {address: body}
    stored = json.loads(canonical_json(body))
    assert to_files({address: stored}, KINDS) == files, "equal bodies gave different bytes"


@given(data=st.data())
def test_whole_projects_come_back_from_archives(data: st.DataObject) -> None:
    kinds = data.draw(st.sets(st.sampled_from(list(KINDS)), max_size=4))
    entities: dict[Address, Body] = {
        Address(name, KINDS[name].singleton or "a"): data.draw(sound_bodies(KINDS[name])) for name in sorted(kinds)
    }
    packed = pack(to_files(entities, KINDS))
    assert pack(to_files(entities, KINDS)) == packed
    assert from_files(unpack(packed), KINDS) == entities


@given(st.dictionaries(texts, json_values, max_size=4))
def test_any_json_comes_back_from_yaml(value: dict[str, Any]) -> None:
    written = dump(value, Shape())
    found = load(written, "a.yaml").value
    assert found == value
    assert canonical_json(found) == canonical_json(value)
    assert b"\r" not in written


@given(st.binary(max_size=200) | texts.map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_line_of_the_file(data: bytes) -> None:
    pointers = ["a.yaml:1"]
    try:
        load(data, "a.yaml")
    except Invalid as refused:
        pointers = [fault.pointer for fault in refused.errors]
    most = data.count(b"\n") + data.count(b"\r") + data.count(b"\x85") + data.count(b"\xe2\x80") + 1
    assert pointers
    for pointer in pointers:
        path, _, line = pointer.rpartition(":")
        assert path == "a.yaml"
        assert 1 <= int(line) <= most
