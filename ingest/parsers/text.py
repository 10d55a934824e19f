"""Text files as lines: encodings found out, lines bounded in length."""

from __future__ import annotations

import io
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import IO, cast

from charset_normalizer import from_bytes

from ingest.errors import FormatError
from ingest.parsers.base import Reading
from ingest.sources import HEAD_BYTES, look

MAX_LINE = 4 * 1024 * 1024
"""Characters; a chat has no longer line, but a hostile or binary file may."""


def head_text(head: bytes) -> str | None:
    """The look at the start of a file as text, or None where it is not UTF-8 or UTF-16 text.

    A character cut in two at the end of the look is left out.
    """
    return _text(head, is_whole=len(head) < HEAD_BYTES)


def decoded(content: bytes) -> str | None:
    """A whole small file as text, or None where it is none."""
    return _text(content, is_whole=True)


def lines_of(reading: Reading) -> Iterator[str]:
    """Every line of the file from its start, without its line break.

    Only ``\\n``, ``\\r\\n`` and ``\\r`` end a line: U+2028 and its like occur inside messages.
    Undecodable bytes become U+FFFD. FormatError where a line is longer than MAX_LINE.
    """
    reading.stream.seek(0)
    head = look(reading.stream)
    reading.stream.seek(0)
    text = io.TextIOWrapper(
        cast(IO[bytes], reading.stream), encoding=_encoding(head), errors="replace"
    )
    number = 0
    try:
        while line := text.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE:
                raise FormatError(
                    f"{reading.name}:{number}: a line of over 4 million characters; "
                    "not a chat export"
                )
            yield line.removesuffix("\n").removeprefix("\ufeff" if number == 1 else "")
    finally:
        with suppress(ValueError):  # who reads no further may have closed the stream
            text.detach()  # the stream belongs to the caller


def _encoding(head: bytes) -> str:
    marked = _marked(head)
    if marked is not None:
        return marked
    is_whole = len(head) < HEAD_BYTES
    if _decoded(head, "utf-8", is_whole=is_whole) is not None:
        return "utf-8"
    return _guessed(head) or "utf-8"


def _text(content: bytes, *, is_whole: bool) -> str | None:
    text = _decoded(content, _marked(content) or "utf-8", is_whole=is_whole)
    if text is None and (encoding := _guessed(content)):
        text = content.decode(encoding, "replace")
    return None if text is None or "\0" in text else text.removeprefix("\ufeff")


def _decoded(content: bytes, encoding: str, *, is_whole: bool) -> str | None:
    try:
        return getincrementaldecoder(encoding)().decode(content, final=is_whole)
    except UnicodeDecodeError:
        return None


def _marked(head: bytes) -> str | None:
    if head.startswith(BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else None


@lru_cache(maxsize=2)
def _guessed(head: bytes) -> str | None:
    """The likeliest legacy encoding (GB18030, Shift JIS, windows-1251…), by charset-normalizer.

    Kept, as every parser in turn looks at the same head.
    """
    best = from_bytes(head).best() if b"\0" not in head else None
    return best.encoding if best is not None else None
