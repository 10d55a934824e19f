"""Which files were read to their end, so that importing them again need not read them again.

A file's fingerprint is a digest of its bytes, of the code that reads it, and of all that its parser
is told. With it the archive keeps what the import came to, and what the parser saw of the files
beside it. Reading such a file again could change nothing as long as every message in it is still in
the archive in the state it was read in. So whatever rewrites or removes a stored message, or
changes how messages are read, must call :func:`invalidate`, in its own transaction. New messages
need not: they are never those of a file that is finished.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import orjson

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished import came to: ``beside`` holds digests of the companions it looked at."""

    messages: int = 0
    forgotten: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    beside: dict[str, str | None] = field(default_factory=dict)


def fingerprint(path: Path, *told: object) -> bytes:
    """The fingerprint of the file at ``path``, read with what ``told`` says."""
    known = path.stat()
    content = _content(path, known.st_size, known.st_mtime_ns)
    parts = (content, _code(), *map(str, told))
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=16).digest()


def find(connection: sqlite3.Connection, fingerprint: bytes) -> Outcome | None:
    """What the import of this file came to, where it is finished and still stands."""
    sql = "SELECT outcome FROM finished WHERE fingerprint = ?"
    row = connection.execute(sql, (fingerprint,)).fetchone()
    return Outcome(**orjson.loads(row[0])) if row else None


def record(connection: sqlite3.Connection, fingerprint: bytes, outcome: Outcome) -> None:
    """Remember that a file was read to its end."""
    connection.execute(
        "INSERT OR REPLACE INTO finished VALUES (?, ?)",
        (fingerprint, orjson.dumps(asdict(outcome), option=orjson.OPT_SORT_KEYS).decode()),
    )


def invalidate(connection: sqlite3.Connection) -> None:
    """Every file must be read again; for the caller's transaction."""
    connection.execute("DELETE FROM finished")


def digest(content: bytes | None) -> str | None:
    """What stands for a companion's content; None where there is no such file."""
    return None if content is None else hashlib.blake2b(content, digest_size=16).hexdigest()


@cache
def _content(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


@cache
def _code() -> str:
    """A digest of this package's own source: another version may read a file differently."""
    found = hashlib.blake2b(digest_size=16)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
