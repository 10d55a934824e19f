"""Byte streams between the disk and a parser: counted, unpacked, limited, with plain errors."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ingest.errors import FormatError, printable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER = 1 << 20
FREE_BYTES = 1 << 30
"""A packed file may always unpack to this much…"""
MOST_RATIO = 200
"""…and beyond it to this many times its size: deflate reaches 1,032, chats 5 to 30."""


class Counted(io.FileIO):
    """A file that reports how far it was read; going back is reported as a negative count.

    FormatError where it cannot be opened or read.
    """

    def __init__(self, path: Path, on_bytes: Callable[[int], None]) -> None:
        try:
            super().__init__(path)
        except OSError as error:
            raise unreadable(path, error) from error
        self._path = path
        self._on_bytes = on_bytes
        self._told = 0

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        try:
            count = super().readinto(buffer)
        except OSError as error:
            raise unreadable(self._path, error) from error
        position = self.tell()
        self._on_bytes(position - self._told)
        self._told = position
        return count


class Unpacked(io.RawIOBase):
    """What an unpacking stream gives, up to the limits; all that is there before it fails.

    ``packed`` is the size on disk. ``on_bytes`` hears of the share of it that was unpacked of
    ``whole`` bytes, where that is known.
    """

    def __init__(
        self,
        file: gzip.GzipFile | IO[bytes],
        name: str,
        packed: int,
        *,
        whole: int = 0,
        on_bytes: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._file = file
        self._name = name
        self._packed = packed
        self._whole = whole
        self._on_bytes = on_bytes
        self._told = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._file.read1(len(view))  # type: ignore[union-attr]
        view[: len(data)] = data
        self._account(self._file.tell())
        return len(data)

    def close(self) -> None:
        """Close the unpacking stream, too."""
        if not self.closed:
            self._file.close()
        super().close()

    def _account(self, position: int) -> None:
        if position > max(FREE_BYTES, MOST_RATIO * self._packed):
            raise FormatError(
                f"{self._name}: unpacks to over {MOST_RATIO} times its size, as no chat does; "
                "what was read before is kept; unpack it yourself if you trust it"
            )
        if self._whole:
            reached = self._packed * min(position, self._whole) // self._whole
            self._on_bytes(reached - self._told)
            self._told = reached


def buffered(raw: io.RawIOBase) -> io.BufferedReader:
    """``raw`` with a buffer worth reading from a disk."""
    return io.BufferedReader(raw, BUFFER)


def starts_with(stream: io.BufferedReader, magic: bytes) -> bool:
    """Whether ``magic`` comes next; the stream does not move."""
    return stream.peek(len(magic)).startswith(magic)


def unreadable(path: Path | str, error: OSError) -> FormatError:
    """The line for a file that the operating system does not let us read."""
    return FormatError(f"{printable(str(path))}: {error.strerror or error}; check it and run again")
