"""Tables of comma- or semicolon-separated values, one row at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from ingest.errors import FormatError
from ingest.parsers.base import Reading
from ingest.parsers.text import lines_of

MAX_FIELD = 1 << 20
"""Characters in one cell; above it a quotation mark was never closed."""


def rows_of(reading: Reading, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every row with the 0-based line it starts on; a cell may hold line breaks.

    FormatError where a quotation mark is never closed.
    """
    csv.field_size_limit(MAX_FIELD)
    rows = csv.reader((f"{line}\n" for line in lines_of(reading)), delimiter=delimiter)
    start = 0
    try:
        for row in rows:
            yield start, row
            start = rows.line_num
    except csv.Error as error:
        raise FormatError(
            f"{reading.name}:{start + 1}: not readable as a table ({error}); export it again"
        ) from error


def header_of(head: str) -> tuple[str, list[str]]:
    """The delimiter and the column names of a table, by its first line."""
    line = head.lstrip().partition("\n")[0].strip()
    delimiter = max(",;\t", key=line.count)
    return delimiter, [name.strip().strip('"') for name in line.split(delimiter)]
