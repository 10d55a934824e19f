r"""Telegram's JSON made valid.

Its exporter writes control characters as ``\x1B`` (``SerializeString`` of tdesktop's
``export_output_json.cpp``), an escape that JSON does not have and no JSON reader accepts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from io import BufferedIOBase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE = 1 << 16
_ESCAPE = re.compile(rb"\\(?:x([01][0-9A-F])|.)", re.DOTALL)
_CUT = re.compile(rb"\\(?:x[01]?)?\Z")


def repaired(stream: BufferedIOBase) -> BufferedIOBase:
    r"""``stream`` from where it is, with each ``\x1B`` as ``\u001B``; for reading on only."""
    return io.BufferedReader(_Repaired(stream.read1), 1 << 20)


class _Repaired(io.RawIOBase):
    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._held = b""  # what may go on in the next piece
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        if not self._ready:
            self._ready = memoryview(self._next())
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _next(self) -> bytes:
        while piece := self._read(_PIECE):
            piece = self._held + piece
            end = _end_of_whole(piece)
            self._held = piece[end:]
            if end:
                return _valid(piece[:end])
        piece, self._held = self._held, b""
        return piece


def _end_of_whole(piece: bytes) -> int:
    """Where the last escape starts if the end of the piece cuts it in two, else the end."""
    cut = _CUT.search(piece, max(0, len(piece) - 3))
    if cut is None:
        return len(piece)
    before = piece[: cut.start()]
    is_escaped = (len(before) - len(before.rstrip(b"\\"))) % 2 == 1
    return len(piece) if is_escaped else cut.start()


def _valid(piece: bytes) -> bytes:
    if b"\\x" not in piece:
        return piece
    return _ESCAPE.sub(lambda found: b"\\u00" + found[1] if found[1] else found[0], piece)
