"""Rows of CSV and TSV files by the names of their columns, whatever separates them."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from ingest.errors import FormatError
from ingest.parsers.base import Reading
from ingest.parsers.tables import rows_of
from ingest.parsers.text import head_text
from ingest.sources import look

_SEPARATORS = ",;\t|"


def header_of(head: bytes) -> tuple[str, ...]:
    """The column names in the look at the start of a file; none where it is no table."""
    first = _first_line(head)
    if not first or len(first) > 4096 or first.startswith(("{", "[", "<")):
        return ()
    try:
        names = next(csv.reader([first], delimiter=separator(first)), [])
    except csv.Error:
        return ()
    return tuple(name.strip().removeprefix("\ufeff") for name in names)


def _first_line(head: bytes) -> str:
    return (head_text(head) or "").lstrip().partition("\n")[0].strip("\r")


def separator(header: str) -> str:
    """The likeliest separator of a table whose first line is ``header``."""
    return max(_SEPARATORS, key=header.count)


def rows(reading: Reading) -> Iterator[tuple[int, dict[str, str]]]:
    """Every row behind the header by its column names, and the 0-based line it starts on.

    A row that is too short has empty cells at its end; what is beyond the header is under ``""``.
    FormatError where the file is no table, or a quotation mark is never closed.
    """
    names = header_of(_head(reading))
    if not names:
        raise FormatError(f"{reading.name}: no line of column names at the start; not a table")
    is_header = True
    for number, cells in rows_of(reading, separator(_first_line(_head(reading)))):
        is_blank = not any(cell.strip() for cell in cells)
        if not is_blank and not is_header:
            yield number, _named(names, cells)
        is_header = is_header and is_blank


def _head(reading: Reading) -> bytes:
    reading.stream.seek(0)
    return look(reading.stream)


def _named(names: tuple[str, ...], cells: list[str]) -> dict[str, str]:
    row = dict.fromkeys(names, "")
    row.update(zip(names, cells, strict=False))
    if len(cells) > len(names):
        row[""] = cells[len(names)]
    return row
