"""Rows of CSV and TSV files: separator found out, cells bounded, line numbers kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from ingest.errors import FormatError
from ingest.parsers.base import Reading
from ingest.parsers.text import head_text, lines_of

_SEPARATORS = ",;\t|"


def header_of(head: bytes) -> tuple[str, ...]:
    """The column names in the look at the start of a file; none where it is no table."""
    text = head_text(head)
    first = text.lstrip("\r\n").split("\n", 1)[0].rstrip("\r") if text else ""
    if not first or len(first) > 4096 or first.startswith(("{", "[", "<")):
        return ()
    try:
        names = next(csv.reader([first], delimiter=separator(first)), [])
    except csv.Error:
        return ()
    return tuple(name.strip().removeprefix("\ufeff") for name in names)


def separator(header: str) -> str:
    """The likeliest separator of a table whose first line is ``header``."""
    return max(_SEPARATORS, key=header.count)


def rows(reading: Reading) -> Iterator[tuple[int, dict[str, str]]]:
    """Every row behind the header by its column names, and the 0-based line it starts on.

    A row that is too short has empty cells at its end; what is beyond the header is under ``""``.
    FormatError where a cell is longer than 128 KiB or the file is no table.
    """
    lines = lines_of(reading)
    number, header = 0, ""
    for header in lines:
        number += 1
        if header.strip():
            break
    names = header_of(header.encode("utf-8", "replace"))
    if not names:
        raise FormatError(f"{reading.name}: no line of column names at the start; not a table")
    table = csv.reader((f"{line}\n" for line in lines), delimiter=separator(header))
    start = number
    try:
        for cells in table:
            if any(cell.strip() for cell in cells):
                yield start, _named(names, cells)
            start = number + table.line_num
    except csv.Error as error:
        raise FormatError(
            f"{reading.name}:{start + 1}: not readable as a table ({error}); export it again"
        ) from error


def _named(names: tuple[str, ...], cells: list[str]) -> dict[str, str]:
    row = dict.fromkeys(names, "")
    row.update(zip(names, cells, strict=False))
    if len(cells) > len(names):
        row[""] = cells[len(names)]
    return row
