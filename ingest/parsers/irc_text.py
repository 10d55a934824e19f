"""The characters of IRC logs: each line in the encoding its writer's client used.

A channel's log is often UTF-8 with lines of Latin-1 or a Cyrillic code page between: IRC passes on
bytes. Lines that are not UTF-8 are read as what the file's first such lines look like.
"""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator

from charset_normalizer import from_bytes

from ingest.errors import FormatError
from ingest.parsers.base import Reading
from ingest.parsers.text import MAX_LINE, lines_of
from ingest.sources import look

_LEGACY = [
    "cp1252",
    "cp1251",
    "koi8_r",
    "cp1250",
    "gb18030",
    "big5",
    "shift_jis",
    "euc_kr",
    "cp1255",
]


def start_of(head: bytes) -> str | None:
    """The look at the start of a log as text with ``\\n`` line breaks; None where it is binary."""
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        text = head.decode("utf-16", "replace")
    else:
        text = head.decode("utf-8-sig", "replace")
    return None if "\0" in text else text.replace("\r\n", "\n").replace("\r", "\n")


def decoded_lines(reading: Reading) -> Iterator[str]:
    """Every line, without its line break; FormatError where one is longer than MAX_LINE."""
    reading.stream.seek(0)
    head = look(reading.stream)
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        yield from lines_of(reading)
        return
    reading.stream.seek(0)
    legacy, number = _legacy(head), 0
    while line := reading.stream.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise FormatError(
                f"{reading.name}:{number}: a line of over 4 million bytes; not a chat export"
            )
        text = _decoded(line, legacy).removesuffix("\n").removesuffix("\r")
        yield text.removeprefix("\ufeff") if number == 1 else text


def _decoded(line: bytes, legacy: str) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode(legacy, "replace")


def _legacy(head: bytes) -> str:
    odd = [line for line in head.split(b"\n")[:-1] if not _is_utf8(line)]
    best = from_bytes(b"\n".join(odd), cp_isolation=_LEGACY).best() if odd else None
    return best.encoding if best is not None else "cp1252"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
