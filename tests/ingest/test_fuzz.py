"""Whatever a file holds: messages, a count of what is left out, or a FormatError."""

from __future__ import annotations

import gzip
import io
import json
from codecs import BOM_UTF8
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.errors import FormatError
from ingest.importer import import_paths
from ingest.parsers import PARSERS
from ingest.parsers.base import Parser, Reading
from tests.ingest.test_golden import FILES, JSON_FILES, TELEGRAM_SAMPLES, own_parser

quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["message", "sticker", "9" * 30, "-1", "9999-12-31T23:59:59", "1e400"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def parse_as(parser: Parser, content: bytes) -> None:
    """Run a parser over ``content``; FormatError is the only error allowed."""
    parser.claims(content[:65536])
    with suppress(FormatError):
        for _item in parser.parse(Reading(io.BytesIO(content), "x", ZoneInfo("Asia/Jakarta"))):
            pass


def parse_as_everything(content: bytes) -> None:
    """Run every parser over ``content``."""
    for parser in PARSERS:
        parse_as(parser, content)


@quick
@given(st.binary(max_size=400))
def test_random_bytes_meet_only_format_errors(content: bytes) -> None:
    parse_as_everything(content)
    parse_as_everything(b'{"name": "x", "messages": [' + content)
    parse_as_everything(b'{\n "messages": [\n  {\n' + content)
    parse_as_everything(b"@self: " + content)


@quick
@given(st.data(), st.sampled_from(FILES))
def test_mutated_samples_meet_only_format_errors(data: st.DataObject, sample: Path) -> None:
    content = bytearray(sample.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 12))
        content[place : place + length] = data.draw(st.binary(max_size=12))
    parse_as_everything(bytes(content))


@quick
@given(st.data(), st.sampled_from(TELEGRAM_SAMPLES), st.booleans())
def test_fields_of_unexpected_types_meet_only_format_errors(
    data: st.DataObject, sample: Path, is_pretty: bool
) -> None:
    tree = orjson.loads(sample.read_bytes())
    setters = list(places(tree))
    for _ in range(data.draw(st.integers(1, 4))):
        data.draw(st.sampled_from(setters))(data.draw(JSON))
    parse_as_everything(json.dumps(tree, indent=1 if is_pretty else None).encode())


def places(tree: Any) -> list[Callable[[Any], None]]:
    """A setter for every value inside ``tree``."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    found: list[Callable[[Any], None]] = []
    for key in list(keys):
        found.append(lambda value, key=key: tree.__setitem__(key, value))  # type: ignore[misc]
        found.extend(places(tree[key]))
    return found


@pytest.mark.parametrize("sample", JSON_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_field_may_be_of_every_type(sample: Path) -> None:
    odd: list[Any] = [None, True, -1, 10**30, 1e300, "", "9" * 30, [], [1], {}, {"a": 1}]
    content = sample.read_bytes().removeprefix(BOM_UTF8)
    for number in range(len(places(orjson.loads(content)))):
        for value in odd:
            tree = orjson.loads(content)
            places(tree)[number](value)
            parse_as(own_parser(sample), json.dumps(tree, indent=1).encode())


@settings(quick, max_examples=25)
@given(st.data(), st.sampled_from(FILES), st.booleans())
def test_a_damaged_file_on_disk_is_at_most_one_problem(
    data: st.DataObject, sample: Path, is_gzipped: bool
) -> None:
    whole = sample.read_bytes()
    content = bytearray(gzip.compress(whole) if is_gzipped else whole)
    place = data.draw(st.integers(3, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
    with TemporaryDirectory() as folder:
        path = Path(folder, "sample")
        path.write_bytes(content)
        with Archive.open(Path(folder, "archive.sqlite"), create=True) as archive:
            problems = import_paths(archive, [path], zone=UTC).problems
        assert len(problems) <= 1
        assert all("\n" not in problem for problem in problems)
