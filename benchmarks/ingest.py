"""How far an import is from what the machine allows.

    python -m benchmarks.ingest [EXPORT]

Reads one Telegram export (the sample, repeated, where none is given) four ways in one run: with a
bare streaming JSON parse, with bare SQLite inserts of its texts, imported into a new archive, and
imported again. Prints seconds, MB/s of unpacked JSON, and the ratio to parse + insert.
"""

from __future__ import annotations

import resource
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import ijson
import orjson

from config.console import emit_table
from ingest.archive import Archive
from ingest.importer import import_paths
from ingest.sources import Source, sources_of

SAMPLE = Path(__file__).parents[1] / "examples" / "midnight-canteen" / "result.json"
REPEATS = 30


def main(arguments: list[str]) -> None:
    """Measure one export and print the table."""
    with TemporaryDirectory() as folder:
        path = Path(arguments[0]) if arguments else _repeated(SAMPLE, Path(folder))
        source = next(sources_of(path))
        size = _unpacked_bytes(source)
        parse = _seconds(lambda: _parse(source))
        insert = _seconds(lambda: _insert(source, Path(folder) / "floor.sqlite"))
        archive = Path(folder) / "archive.sqlite"
        first = _seconds(lambda: _import(path, archive))
        again = _seconds(lambda: _import(path, archive))
    floor = parse + insert
    emit_table(
        ("step", "seconds", "MB/s", "ratio to floor"),
        (
            (name, f"{seconds:.1f}", f"{size / 1e6 / seconds:.1f}", f"{seconds / floor:.2f}")
            for name, seconds in (
                ("bare ijson parse", parse),
                ("bare SQLite insert", insert),
                ("import", first),
                ("import again", again),
            )
        ),
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    emit_table(("MB of JSON", "peak MB of memory"), [(f"{size / 1e6:.0f}", f"{peak:.0f}")])


def _repeated(sample: Path, folder: Path) -> Path:
    """A larger export: the sample's messages over and over, each time with new ids."""
    export = orjson.loads(sample.read_bytes())
    messages = export["messages"]
    span = messages[-1]["id"] + 1
    export["messages"] = [
        {**message, "id": message["id"] + turn * span}
        for turn in range(REPEATS)
        for message in messages
    ]
    path = folder / "result.json"
    path.write_bytes(orjson.dumps(export, option=orjson.OPT_INDENT_2))
    return path


def _unpacked_bytes(source: Source) -> int:
    with source.open() as stream:
        return sum(len(block) for block in iter(lambda: stream.read(1 << 20), b""))


def _parse(source: Source) -> None:
    with source.open() as stream:
        for _message in ijson.items(stream, "messages.item", use_float=True):
            pass


def _insert(source: Source, path: Path) -> None:
    with source.open() as stream:
        texts = [str(m.get("text")) for m in ijson.items(stream, "messages.item", use_float=True)]
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO message (text) VALUES (?)", ((t,) for t in texts))


def _import(path: Path, archive_path: Path) -> None:
    with Archive.open(archive_path, create=True) as archive:
        import_paths(archive, [path], zone=UTC)


def _seconds(work: Callable[[], None]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1:])
