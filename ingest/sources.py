"""Files, archives and folders as a plain sequence of named byte streams, read in order."""

from __future__ import annotations

import gzip
import io
import posixpath
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from tempfile import TemporaryDirectory

from ingest.errors import FormatError, printable
from ingest.streams import Counted, Unpacked, buffered, starts_with, unreadable

HEAD_BYTES = 64 * 1024
COMPANION_BYTES = 64 * 1024 * 1024
"""Largest list of users or channels that is read whole to understand the messages beside it."""
ZIP_DEPTH = 2
"""Zips may lie in a zip, and in one of those."""
_IGNORED = {".ds_store", "thumbs.db", "desktop.ini"}
_GZIP, _ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
# LZMA, the fourth method, lets a file ask for 4 GB of memory.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}
_DOCUMENTS = {"[Content_Types].xml", "mimetype"}
"""Members by which docx, epub and odt files are told from zips of exports."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import, wherever it lies; ``name`` is how messages about it call it.

    ``size`` counts its bytes on disk, for progress. ``member`` is its name in the zip at ``path``,
    and ``place`` its number there, for names may repeat.
    """

    name: str
    path: Path
    size: int
    member: str | None = None
    place: int = 0

    @property
    def place_in_export(self) -> str:
        """As much of where it lies as may say what it is: its folder, and its path in a zip."""
        file, *members = self.name.split("!")
        return "!".join(["/".join(Path(file).parts[-2:]), *members])

    @contextmanager
    def open(
        self, on_bytes: Callable[[int], None] = lambda _count: None
    ) -> Iterator[io.BufferedIOBase]:
        """The content, unpacked; ``on_bytes`` hears how far it was read, in bytes on disk."""
        try:
            with self._raw(on_bytes) as raw, self._unpacked(raw) as stream:
                yield stream
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise FormatError(
                f"{self.name}: the compressed file is damaged or cut short ({error}); "
                "what was read before is kept; copy or download it again"
            ) from error

    def _raw(self, on_bytes: Callable[[int], None]) -> io.BufferedReader:
        if self.member is None:
            return buffered(Counted(self.path, on_bytes))
        info = _directory(self.path).infolist()[self.place]
        if info.compress_type not in _METHODS:
            raise FormatError(f"{self.name}: packed in a rare way; unpack it and import the files")
        try:
            file = _directory(self.path).open(info)
        except RuntimeError as error:  # encrypted
            reason = printable(str(error))
            raise FormatError(f"{self.name}: {reason}; unpack it and import the files") from error
        return buffered(
            Unpacked(file, self.name, self.size, whole=info.file_size, on_bytes=on_bytes)
        )

    def _unpacked(self, raw: io.BufferedReader) -> io.BufferedReader:
        if starts_with(raw, _GZIP):
            return buffered(Unpacked(gzip.GzipFile(fileobj=raw), self.name, self.size))
        return raw

    def head(self) -> bytes:
        """The first 64 KiB, unpacked, by which formats are recognised."""
        with self.open() as stream:
            return look(stream)

    def beside(self, relative: str) -> bytes | None:
        """The content of another file of the same export, by its path from this one.

        The case of letters does not matter; None where there is no such file, or an unreadable one.
        """
        if self.member is None:
            return _companion(_beside_file(self.path, relative))
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


def _raised(error: FormatError) -> None:
    raise error


def sources_of(
    path: Path,
    *,
    on_problem: Callable[[FormatError], None] = _raised,
    on_left_out: Callable[[str], None] = lambda _reason: None,
) -> Iterator[Source]:
    """Every importable file at ``path``: the file itself, a zip's members, a folder's files.

    ``on_problem`` hears of what cannot be read, ``on_left_out`` why something is not even tried.
    A zip in a zip lies unpacked on disk only until the next source is asked for.
    """
    for file in _files(path, on_problem, on_left_out):
        try:
            yield from _within(file, printable(str(file)), on_problem, depth=0)
        except FormatError as error:
            on_problem(error)
        except OSError as error:
            on_problem(unreadable(file, error))


def bytes_of(path: Path) -> int:
    """The bytes on disk that importing ``path`` will read, for progress."""
    files = _files(path, lambda _problem: None, lambda _reason: None)
    return sum(file.stat().st_size for file in files)


def _files(
    path: Path, on_problem: Callable[[FormatError], None], on_left_out: Callable[[str], None]
) -> Iterator[Path]:
    """The regular files at and under ``path`` in order of name; links in folders lead nowhere."""
    waiting = [path]
    while waiting:
        entry = waiting.pop()
        try:
            mode = (entry.stat() if entry is path else entry.lstat()).st_mode
            if S_ISDIR(mode):
                waiting.extend(sorted(entry.iterdir(), reverse=True))
            elif S_ISREG(mode):
                if entry is path or entry.name.lower() not in _IGNORED:
                    yield entry
            elif entry is path:
                raise FormatError(f"{printable(str(path))}: neither a file nor a folder")
            else:
                on_left_out("symbolic link" if S_ISLNK(mode) else "not a regular file")
        except FileNotFoundError:
            on_problem(FormatError(f"{printable(str(entry))}: no such file or folder"))
        except OSError as error:
            on_problem(unreadable(entry, error))
        except FormatError as error:
            on_problem(error)


def _within(
    path: Path, label: str, on_problem: Callable[[FormatError], None], *, depth: int
) -> Iterator[Source]:
    """The file itself, or what is in it where it is a zip of files."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic not in (_ZIP, _EMPTY_ZIP):
        yield Source(label, path, path.stat().st_size)
        return
    archive = _sound(path, label)
    if _DOCUMENTS.intersection(archive.namelist()):
        yield Source(label, path, path.stat().st_size)
        return
    for place, info in enumerate(archive.infolist()):
        name = posixpath.basename(info.filename)
        if info.is_dir() or name.lower() in _IGNORED:
            continue
        inside = f"{label}!{printable(info.filename)}"
        source = Source(inside, path, info.compress_size, info.filename, place)
        if name.lower().endswith(".zip"):
            yield from _nested(source, on_problem, depth + 1)
        else:
            yield source


def _nested(
    source: Source, on_problem: Callable[[FormatError], None], depth: int
) -> Iterator[Source]:
    """What is in a zip inside a zip, which must be on disk to be read."""
    try:
        if depth > ZIP_DEPTH:
            raise FormatError(f"{source.name}: a zip in a zip in a zip; unpack it")
        with TemporaryDirectory(prefix="atself-") as folder:
            inner = Path(folder) / "inner.zip"
            with source.open() as stream, inner.open("wb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
            yield from _within(inner, source.name, on_problem, depth=depth)
    except FormatError as error:
        on_problem(error)
    finally:
        _opened.cache_clear()  # an open file keeps its place on the disk when it is deleted


def _sound(path: Path, label: str) -> zipfile.ZipFile:
    """The zip at ``path``, or a FormatError where its directory is damaged or lies."""
    try:
        archive = _directory(path)
    # zipfile's word for a member that asks for a later version of the format than any there is.
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        reason = printable(str(error))
        raise FormatError(
            f"{label}: damaged or cut short ({reason}); copy or download it again"
        ) from error
    # Members that share their bytes are how a bomb stays small.
    if sum(info.compress_size for info in archive.infolist()) > path.stat().st_size:
        raise FormatError(f"{label}: its members overlap; not a sound zip file")
    return archive


def _directory(path: Path) -> zipfile.ZipFile:
    known = path.stat()
    return _opened(path, known.st_ino, known.st_size, known.st_mtime_ns)


@lru_cache(maxsize=4)
def _opened(path: Path, _inode: int, _size: int, _changed: int) -> zipfile.ZipFile:
    """A zip with its directory read: once, not once for each of thousands of members."""
    return zipfile.ZipFile(path)


def _beside_file(path: Path, relative: str) -> Path | None:
    target: Path | None = path.parent
    for part in relative.split("/"):
        if target is None:
            return None
        if part in ("", "."):
            continue
        target = target.resolve().parent if part == ".." else _child(target, part)
    return target


def _companion(path: Path | None) -> bytes | None:
    with suppress(OSError):
        if path is not None and path.is_file():
            found = path.stat()
            if found.st_size <= COMPANION_BYTES:
                return _content(path, found.st_size, found.st_mtime_ns)
    return None


@lru_cache(maxsize=8)
def _content(path: Path, _size: int, _changed: int) -> bytes:
    return path.read_bytes()


def _child(folder: Path, name: str) -> Path | None:
    exact = folder / name
    if exact.exists():
        return exact
    if not folder.is_dir():
        return None
    found = (child for child in folder.iterdir() if child.name.casefold() == name.casefold())
    return next(found, None)


@lru_cache(maxsize=8)
def _member(path: Path, target: str, _changed: int) -> bytes | None:
    archive = _directory(path)
    for info in archive.infolist():
        if info.filename.casefold() == target and info.file_size <= COMPANION_BYTES:
            with suppress(RuntimeError, zipfile.BadZipFile, zlib.error):
                return archive.read(info)
    return None
