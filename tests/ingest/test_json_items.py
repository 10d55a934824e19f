"""Arrays in large JSON files, and what stands around them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import FormatError
from ingest.parsers import json_items
from ingest.parsers.base import Reading
from ingest.parsers.json_items import around_array, array_items, before_array

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='a"\\[]{}é', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def reading(content: bytes) -> Reading:
    """A file named x.json with this content."""
    return Reading(io.BytesIO(content), "x.json", UTC)


def test_the_elements_of_an_array_and_what_stands_around_it() -> None:
    content = b'\xef\xbb\xbf{"who": {"id": 1}, "messages": [{"a": [1]}, 7], "title": "x"}'
    assert list(array_items(reading(content))) == [{"a": [1]}, 7]
    assert before_array(reading(content)) == {"who": {"id": 1}, "messages": []}
    assert around_array(reading(content)) == {"who": {"id": 1}, "messages": [], "title": "x"}


def test_an_array_may_be_the_file_or_lie_deeper() -> None:
    assert list(array_items(reading(b"[1, [2]]"), "")) == [1, [2]]
    assert around_array(reading(b"[1, [2]]"), "") == {}
    content = b'{"chats": [{"messages": [1]}, {"messages": [2]}], "chat": {"messages": [3]}}'
    assert list(array_items(reading(content), "chats.item.messages")) == [1, 2]
    assert list(array_items(reading(content), "chat.messages")) == [3]


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(VALUE, max_size=4), VALUE, VALUE)
def test_any_json_reads_like_json(items: list[Any], before: Any, behind: Any) -> None:
    tree = {"b": before, "messages": items, "c": behind}
    content = json.dumps(tree).encode()
    assert list(array_items(reading(content))) == items
    assert around_array(reading(content)) == {**tree, "messages": []}


def test_a_file_cut_anywhere_gives_what_was_whole_and_says_that_it_is_cut() -> None:
    content = '{"title": "x", "messages": [{"a": 1}, {"a": "é]"}], "c": {"d": "e"}}'.encode()
    for length in range(1, len(content)):
        cut = content[:length]
        found: list[Any] = []
        with pytest.raises(FormatError, match=r"ends in the middle|invalid bytes in UTF8"):
            keep(array_items(reading(cut)), found)
        assert found == [{"a": 1}, {"a": "é]"}][: cut[15:].count(b"}")]
        assert around_array(reading(cut)).get("title") in ("x", None)


def keep(items: Iterator[Any], found: list[Any]) -> None:
    """Put every item into ``found`` as it comes."""
    for item in items:
        found.append(item)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("is_closed", [True, False])
def test_deep_nesting_is_one_line(opening: str, is_closed: bool) -> None:
    depth = 300_000
    closing = ("]" if opening == "[" else "1}") * depth if is_closed else ""
    content = f'{{"messages": [1, {opening * depth}{closing}]}}'.encode()
    with pytest.raises(FormatError, match="nested over 500 deep"):
        list(array_items(reading(content)))
    with pytest.raises(FormatError, match="nested over 500 deep"):
        around_array(reading(content))


def test_brackets_and_quotes_inside_strings_are_no_nesting() -> None:
    text = '[{"\\' * 5000
    content = json.dumps({"messages": [text] * 20}).encode()
    assert list(array_items(reading(content))) == [text] * 20


def test_what_never_ends_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_items, "MAX_ITEM_BYTES", 1 << 20)
    monkeypatch.setattr(json_items, "MAX_AROUND", 1000)
    endless = b'{"messages": ["' + b"x" * (3 << 20)
    with pytest.raises(FormatError, match="without a message"):
        list(array_items(reading(endless)))
    with pytest.raises(FormatError, match="without a message"):
        around_array(reading(b'{"title": "' + b"x" * (3 << 20)))
    with pytest.raises(FormatError, match="values beside the messages"):
        around_array(reading(b'{"others": [' + b"1," * 2000 + b"1]}"))


def test_an_object_where_the_array_should_be_has_no_items() -> None:
    content = b'{"messages": {"a": 1}}'
    assert list(array_items(reading(content))) == []
    assert around_array(reading(content)) == {"messages": {"a": 1}}


@pytest.mark.parametrize("content", [b"", b"nul", b"\xff\xfe[", b"hello"])
def test_what_is_no_json_is_one_line(content: bytes) -> None:
    assert around_array(reading(content)) == {}
    with pytest.raises(FormatError) as caught:
        list(array_items(reading(content)))
    assert "\n" not in str(caught.value)
