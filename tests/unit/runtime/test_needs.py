"""What an entity needs of the place it runs in, read off its body."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.entities import Address, parse_address
from greenroom.domain.readiness import Item, Need, Target, check_ready, decide_readiness, is_ready, say_names
from greenroom.kinds import ALL
from greenroom.runtime.needs import find_needs


def needs(address: str, body: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(need.what, need.pointer, need.name) for need in find_needs(parse_address(address), body)]


@pytest.mark.parametrize(
    "address, body, wanted",
    [
        ("tool/t", {"url": "https://x/{{secret.A}}/{{ secret.B }}?{{secret.A}}"}, [("/url", "A"), ("/url", "B")]),
        ("tool/t", {"body": {"a/b": ["{{secret.A}}"]}}, [("/body/a~1b/0", "A")]),
        ("topic/t", {"content": "{{secret.A}} {{topic.x}} {{secret.low}}"}, [("/content", "A")]),
        ("integration/i", {"base_url": "x", "auth": {"type": "basic", "secret": "A"}}, [("/auth/secret", "A")]),
        ("integration/i", {"base_url": "x", "auth": {"type": "none", "secret": "A"}}, []),
        ("function/f", {"code": "conv.utils.get_secret('A'); '{{secret.B}}'"}, [("/code", "A"), ("/code", "B")]),
        ("topic/t", {"content": "get_secret('A')"}, []),
        ("test_set/t", {"cases": [{"turns": ["{{secret.A}}"]}]}, []),
        ("settings/default", {"imported_files": [{"text": "{{secret.A}}"}]}, []),
        ("settings/default", {"fallback": "{{secret.A}}"}, [("/fallback", "A")]),
    ],
)
def test_every_secret_is_found_where_it_is_named(
    address: str, body: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    assert needs(address, body) == [("secret", pointer, name) for pointer, name in wanted]


@pytest.mark.parametrize(
    "address, body, where",
    [
        ("integration/i", {"base_url": "https://x"}, None),
        ("integration/i", {}, set()),
        ("integration/i", {"base_urls": {"live": "https://x", "sandbox": ""}}, {"live"}),
        ("mcp/m", {"urls": {"live": "https://x"}}, {"live"}),
        ("sms/s", {"text": "Hello"}, None),
        ("sms/s", {"sender": "Hotel", "senders": {"live": "+44"}}, None),
        ("sms/s", {"senders": {"live": "+44"}}, {"live"}),
        ("sms/s", {"senders": {"live": ""}}, None),
    ],
)
def test_a_value_by_environment_is_needed_where_none_holds_everywhere(
    address: str, body: dict[str, Any], where: set[str] | None
) -> None:
    found = [set(need.where) for need in find_needs(parse_address(address), body) if need.what == "value"]
    assert found == ([] if where is None else [where])


def test_a_hand_off_needs_somewhere_to_go_to() -> None:
    assert needs("handoff/h", {"method": "ticket"}) == []
    assert needs("handoff/h", {}) == [("destination", "/destination/value", "")]
    found = needs("handoff/h", {"destination": {"value": "sip:{{variant.desk}}@x"}})
    assert [each[::2] for each in found] == [("destination", "sip:{{variant.desk}}@x"), ("site", "desk")]


def test_sites_have_gaps_only_where_the_default_one_has() -> None:
    rows = [
        {"id": "a", "values": {"desk": "1", "bar": ""}, "numbers": ["+44 20 7946 0000", "0800 1"]},
        {"id": "b", "values": {"bar": "2"}, "default": True},
    ]
    assert needs("variant/default", {"attributes": ["desk", "bar"], "rows": rows}) == [
        ("gap", "/rows", "desk"),
        ("number", "/rows/0/numbers/0", "+442079460000"),
        ("number", "/rows/0/numbers/1", "0800 1"),
    ]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_every_kind_is_read_without_trouble(kind: Any) -> None:
    address = Address(kind.name, kind.singleton or "x")
    for need in find_needs(address, kind.sample):
        assert need.address == address


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("{{secret.A}}{{variant.b}}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
fields = ["auth", "base_url", "base_urls", "senders", "destination", "rows", "attributes", "model", "source"]
fields += ["documents", "code", "refresh", "method"]


@given(st.sampled_from(ALL), st.dictionaries(st.sampled_from(fields), values))
def test_no_body_whatever_breaks_the_look(kind: Any, body: dict[str, Any]) -> None:
    found = find_needs(Address(kind.name, "x"), body)
    assert is_ready(decide_readiness(found, Target("live")))


TOOL, TOPIC = Address("tool", "a"), Address("topic", "b")


def test_a_missing_secret_is_one_fault_that_names_all_who_need_it() -> None:
    found = decide_readiness(
        [Need("secret", TOOL, "/url", "A"), Need("secret", TOPIC, "/content", "A"), Need("secret", TOPIC, "/c", "B")],
        Target("live", missing_secrets=frozenset({"A"})),
    )
    assert [(item.level, item.code, item.address, item.pointer) for item in found] == [
        ("blocked", "secret_missing", TOOL, "/url")
    ]
    assert found[0].message == "the secret A, needed by tool/a, topic/b, has no value in live"
    with pytest.raises(Exception, match="live is not ready: the secret A"):
        check_ready("live", found)


def test_what_blocks_comes_first() -> None:
    found = decide_readiness(
        [Need("value", TOOL, "/url", "URL"), Need("secret", TOOL, "/url", "A"), Need("destination", TOPIC, "", "x")],
        Target("live", missing_secrets=frozenset({"A"})),
    )
    assert [item.level for item in found] == ["blocked", "warning", "ok"]
    check_ready("live", [Item("value_missing", "warning", "…")])


def test_many_names_are_counted() -> None:
    assert say_names(["a", "b", "a"]) == "a, b"
    assert say_names(list("abcdefg")) == "a, b, c, d, e and 2 more"
