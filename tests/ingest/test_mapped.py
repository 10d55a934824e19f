"""Tables of any make: columns by name or by --map, dates of every layout."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.chat import RawMessage
from ingest.errors import FormatError
from ingest.importer import Report, import_paths
from ingest.parsers import mapped
from ingest.parsers.base import Reading
from ingest.parsers.mapped import Columns
from ingest.parsers.moments import Moments, is_day_first


def ingest(path: Path, mapping: str | None = None) -> tuple[Report, list[str]]:
    columns = Columns.of(mapping) if mapping else None
    with Archive.open(path.with_suffix(".sqlite"), create=True) as archive:
        report = import_paths(archive, [path], zone=UTC, columns=columns)
        return report, [message.text for message in archive.messages()]


def test_a_table_with_unknown_columns_is_read_as_mapped(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("post,writer,when\nhello,Maya,1/2/2024\nhi,@self,25/2/2024\n", encoding="utf-8")
    report, texts = ingest(path, "author=writer,text=post,time=when")
    assert not report.problems
    assert texts == ["hello", "hi"]


def test_json_lines_are_mapped_into_their_depths(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text('{"by": {"name": "Maya"}, "post": "hello"}\n', encoding="utf-8")
    report, texts = ingest(path, "author=by.name,text=post")
    assert not report.problems
    assert texts == ["hello"]


def test_a_mapped_column_that_is_not_there_is_one_line_with_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("post,writer\nhello,Maya\n", encoding="utf-8")
    report, texts = ingest(path, "author=writer,text=body")
    assert report.problems == [f"{path}: no column 'body' (columns: post, writer); correct --map"]
    assert not texts


def test_a_line_that_is_another_exporters_is_left_alone() -> None:
    line = b'{"date": "2023-05-01T09:00:01", "sender": "Ravi", "body": "hi", "attachments": []}\n'
    assert not mapped.claims(line)
    assert mapped.claims(line.replace(b"attachments", b"mood"))


@pytest.mark.parametrize("mapping", ["", "author=a", "author=a,text=", "author=a,text=b,colour=c"])
def test_a_mapping_that_says_too_little_is_refused(mapping: str) -> None:
    with pytest.raises(FormatError, match="say author=COLUMN,text=COLUMN"):
        Columns.of(mapping)


@pytest.mark.parametrize(
    "header",
    [
        "AuthorID,Author,Date,Content,Attachments,Reactions",
        "Author;Date;Content;Attachments;Reactions",
        "ID,Timestamp,Contents,Attachments",
        "Date,User,Message",
        "name,user,text",
        "text,label",
        "sender,text,body",
    ],
)
def test_a_table_of_an_exporter_or_of_unclear_columns_is_left_alone(header: str) -> None:
    assert not mapped.claims(f"{header}\n1,2,3,4,5,6\n".encode())


def test_a_broken_quote_is_one_problem_after_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text(f'name,text\nMaya,hello\nMaya,"{"x" * 2_000_000}\n', encoding="utf-8")
    report, texts = ingest(path)
    assert texts == ["hello"]
    assert len(report.problems) == 1
    assert "posts.csv:3: not readable as a table" in report.problems[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024/1/2 3:04", datetime(2024, 1, 2, 3, 4, tzinfo=UTC)),
        ("2024年1月2日 下午3:04", datetime(2024, 1, 2, 15, 4, tzinfo=UTC)),
        ("2024. 1. 2. 15:04", None),
        ("3/4/2024 12:00 AM", datetime(2024, 4, 3, 0, 0, tzinfo=UTC)),
        ("Jan 2, 2024 3:04 PM", datetime(2024, 1, 2, 15, 4, tzinfo=UTC)),
        ("1704164645", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1704164645000", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1704164645000000000", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("12:30", None),
        ("12", None),
        ("soon", None),
        ("31/2/2024", None),
    ],
)
def test_a_time_is_read_in_any_common_layout(text: str, expected: datetime | None) -> None:
    found = Moments(UTC).read(text)
    if expected is not None or text != "2024. 1. 2. 15:04":
        assert found == expected


def test_the_order_of_day_and_month_is_learned_from_all_dates() -> None:
    assert is_day_first(["1/2/2024", "25/2/2024"])
    assert not is_day_first(["1/2/2024", "2/25/2024"])
    assert not is_day_first(["1/2/2024 3:00 PM"])
    assert is_day_first(["2024-02-25", "1.2.2024"])


@given(st.one_of(st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.none()))
def test_any_value_is_an_instant_or_none(value: object) -> None:
    found = Moments(UTC).read(value)
    assert found is None or found.tzinfo is UTC


CELLS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_what_a_spreadsheet_writes_is_read_back(rows: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([("name", "text"), *rows])
    content = out.getvalue().encode()
    found = list(mapped.parse(Reading(io.BytesIO(content), "x.csv", UTC)))
    texts = [item.text for item in found if isinstance(item, RawMessage)]
    told = [(name.strip(), text.strip()) for name, text in rows]
    if all(name and text for name, text in told):
        assert texts == [text for _name, text in told]
