"""JSON Lines: one object a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from ingest.parsers.base import Reading
from ingest.parsers.text import lines_of


def objects(reading: Reading) -> Iterator[tuple[int, Any]]:
    """The value of every line and its 0-based number; None where a line is not valid JSON."""
    for number, line in enumerate(lines_of(reading)):
        if line.strip():
            yield number, value_of(line)


def value_of(line: str) -> Any:
    """What the JSON in ``line`` says, or None where it is damaged."""
    try:
        return orjson.loads(line.encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        return None


def first_object(text: str) -> dict[str, Any]:
    """The object on the first line of a look at a file; empty where that line is not one."""
    value = value_of(text.lstrip().split("\n", 1)[0])
    return value if isinstance(value, dict) else {}
