"""Files, archives and folders as a plain sequence of named byte streams, read once, in order."""

from __future__ import annotations

import gzip
import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ingest.errors import FormatError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEAD_BYTES = 64 * 1024
COMPANION_BYTES = 64 * 1024 * 1024
"""Largest list of users or channels that is read whole to understand the messages beside it."""
_IGNORED = {".ds_store", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import, wherever it lies; ``name`` is how messages about it call it.

    ``size`` counts the bytes that :meth:`open` reads from disk, for progress.
    """

    name: str
    path: Path
    size: int
    member: str | None = None

    @contextmanager
    def open(
        self, on_bytes: Callable[[int], None] = lambda _count: None
    ) -> Iterator[io.BufferedIOBase]:
        """The content, unpacked; ``on_bytes`` hears of every raw read."""
        try:
            with (
                io.BufferedReader(_Counted(self.path, on_bytes), 1 << 20) as raw,
                self._unpacked(raw) as stream,
            ):
                yield stream
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise FormatError(
                f"{self.name}: the compressed file is damaged or cut short ({error}); "
                "what was read before is kept; copy or download it again"
            ) from error

    def _unpacked(self, raw: io.BufferedReader[_Counted]) -> io.BufferedIOBase:
        if self.member is not None:
            return self._opened_member(raw, self.member)
        if _starts_with(raw, b"\x1f\x8b"):
            return io.BufferedReader(_Gunzipped(raw), 1 << 20)
        return raw

    def _opened_member(self, raw: io.BufferedReader[_Counted], member: str) -> zipfile.ZipExtFile:
        try:
            return cast(zipfile.ZipExtFile, zipfile.ZipFile(raw).open(member))
        except RuntimeError as error:  # encrypted, or packed by a method Python lacks
            raise FormatError(f"{self.name}: {error}; unpack it and import the files") from error

    def head(self) -> bytes:
        """The first 64 KiB, unpacked, by which formats are recognised."""
        with self.open() as stream:
            return look(stream)

    def beside(self, relative: str) -> bytes | None:
        """The content of another file of the same export, by its path from this one.

        The case of letters does not matter; None where there is no such file, or an unreadable one.
        """
        if self.member is None:
            return _beside_file(self.path, relative, self.path.stat().st_mtime_ns)
        target = posixpath.normpath(posixpath.join(posixpath.dirname(self.member), relative))
        return _member(self.path, target.casefold(), self.path.stat().st_mtime_ns)


def look(stream: io.BufferedIOBase) -> bytes:
    """The next 64 KiB of a stream, or what a damaged one gives before the damage."""
    head = b""
    try:
        while len(head) < HEAD_BYTES and (piece := stream.read1(HEAD_BYTES - len(head))):
            head += piece
    except (EOFError, zlib.error):
        if not head:
            raise
    return head


def sources_of(path: Path) -> Iterator[Source]:
    """Every importable file at ``path``: the file itself, a zip's members, a folder's files.

    Raises FormatError where nothing is there.
    """
    if not path.exists():
        raise FormatError(f"{path}: no such file or folder")
    if path.is_dir():
        for child in sorted(path.rglob("*")):
            if child.is_file() and child.name.lower() not in _IGNORED:
                yield from sources_of(child)
    elif zipfile.is_zipfile(path):
        try:
            yield from _members(path)
        except zipfile.BadZipFile as error:
            raise FormatError(f"{path}: {error}; copy or download it again") from error
    else:
        yield Source(str(path), path, path.stat().st_size)


def _members(path: Path) -> Iterator[Source]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = Path(member.filename).name
            if not member.is_dir() and name.lower() not in _IGNORED:
                label = f"{path}!{member.filename}"
                yield Source(label, path, member.compress_size, member.filename)


@lru_cache(maxsize=32)
def _beside_file(path: Path, relative: str, _changed: int) -> bytes | None:
    target: Path | None = path.parent
    for part in relative.split("/"):
        if target is None:
            return None
        if part in ("", "."):
            continue
        target = target.resolve().parent if part == ".." else _child(target, part)
    if target is None or not target.is_file() or target.stat().st_size > COMPANION_BYTES:
        return None
    return target.read_bytes()


def _child(folder: Path, name: str) -> Path | None:
    exact = folder / name
    if exact.exists():
        return exact
    if not folder.is_dir():
        return None
    found = (child for child in folder.iterdir() if child.name.casefold() == name.casefold())
    return next(found, None)


@lru_cache(maxsize=32)
def _member(path: Path, target: str, _changed: int) -> bytes | None:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.casefold() == target and member.file_size <= COMPANION_BYTES:
                with suppress(RuntimeError, zipfile.BadZipFile, zlib.error):
                    return archive.read(member)
    return None


def _starts_with(stream: io.BufferedReader[_Counted], magic: bytes) -> bool:
    start = stream.read(len(magic))
    stream.seek(0)
    return start == magic


class _Gunzipped(io.RawIOBase):
    """A gzip file that gives all that is there before it says that the rest is missing."""

    def __init__(self, raw: io.BufferedReader[_Counted]) -> None:
        self._file = gzip.GzipFile(fileobj=raw)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._file.read1(len(view))
        view[: len(data)] = data
        return len(data)


class _Counted(io.FileIO):
    """A file that reports how many bytes were read from it."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None]) -> None:
        super().__init__(path)
        self._on_bytes = on_bytes

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        count = super().readinto(buffer)
        self._on_bytes(count or 0)
        return count
