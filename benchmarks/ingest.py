"""How far an import is from what the machine allows.

    python -m benchmarks.ingest [EXPORT] [--size 5GB]

Scales a Telegram export (the sample where none is given) to a size, 100 MB where none is given, and
reads it in one run: with a bare streaming JSON parse, imported into a new archive, imported again,
and imported again with one more message at its end. Then the texts of the archive are inserted into
a bare SQLite table, and into a bare word index. Each step is a process of its own, of which seconds
(on the clock and of processor), MB/s of JSON, the ratio to parse + insert and the largest memory
are printed.
"""

from __future__ import annotations

import argparse
import re
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import ijson

from benchmarks._scaled import SAMPLE, append, write_export
from config.console import emit_table, say
from ingest.archive import Archive
from ingest.database import immediate
from ingest.importer import import_paths
from ingest.intake import BATCH

UNITS = {"MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step took; memory in MB."""

    seconds: float
    processor: float
    peak: float
    note: str = ""


def main(arguments: list[str]) -> None:
    """Measure one export and print the table."""
    asked = _parser().parse_args(arguments)
    with TemporaryDirectory(dir=asked.folder) as folder:
        export = Path(folder) / "result.json"
        archive = Path(folder) / "archive.sqlite"
        count = write_export(asked.export, export, size=asked.size)
        size = export.stat().st_size
        say(f"{size / 1e6:,.0f} MB of JSON, {count:,} messages, made from {asked.export.name}")
        costs = {
            "bare ijson parse": measured(_parse, export),
            "import": measured(_import, export, archive),
            "import again": measured(_import, export, archive),
        }
        append(
            export, {"id": 10**12, "type": "message", "date": "2400-01-01T00:00:00", "text": "x"}
        )
        costs["import, one message longer"] = measured(_import, export, archive)
        export.unlink()  # room for what follows
        costs["bare SQLite insert"] = measured(_insert, archive, Path(folder) / "floor.sqlite")
        costs["bare word index"] = measured(_index, archive, Path(folder) / "words.sqlite")
        on_disk = archive.stat().st_size
    _show(costs, size)
    say(f"archive: {on_disk / 1e6:,.0f} MB on disk")


def _show(costs: dict[str, Cost], size: int) -> None:
    floor = sum(costs[name].seconds for name in ("bare ijson parse", "bare SQLite insert"))
    emit_table(
        ("step", "seconds", "processor", "MB/s", "ratio to floor", "peak MB", ""),
        (
            (
                name,
                f"{cost.seconds:.1f}",
                f"{cost.processor:.1f}",
                f"{size / 1e6 / cost.seconds:.1f}",
                f"{cost.seconds / floor:.2f}",
                f"{cost.peak:.0f}",
                cost.note,
            )
            for name, cost in costs.items()
        ),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("export", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--size", type=_bytes, default=100 * 10**6, help="such as 5GB")
    parser.add_argument("--folder", type=Path, help="where there is room; default: the system's")
    return parser


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([\d.]+)\s*(MB|GB)", text.upper())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 500MB or 5GB")
    return int(float(match[1]) * UNITS[match[2]])


def measured(work: Callable[..., str], *arguments: Path) -> Cost:
    """What ``work`` costs in a fresh process."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_cost, (work, *arguments))


def _cost(work: Callable[..., str], *arguments: Path) -> Cost:
    start, busy = perf_counter(), process_time()
    note = work(*arguments)
    seconds, processor = perf_counter() - start, process_time() - busy
    if note.endswith(" s"):  # a step that measured itself
        seconds, note = float(note.removesuffix(" s")), ""
    return Cost(seconds, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, note)


def _parse(export: Path) -> str:
    with export.open("rb", buffering=1 << 20) as stream:
        for _message in ijson.items(stream, "messages.item", use_float=True):
            pass
    return ""


def _import(export: Path, archive_path: Path) -> str:
    with Archive.open(archive_path, create=True) as archive:
        report = import_paths(archive, [export], zone=UTC)
    if report.problems:
        raise RuntimeError(report.problems[0])
    return f"{report.added.new:,} new, {report.added.same:,} same"


def _insert(archive: Path, target: Path) -> str:
    return _filled(
        archive, target, "CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT)", "id, text"
    )


def _index(archive: Path, target: Path) -> str:
    table = "CREATE VIRTUAL TABLE words USING fts5 (text, content='', tokenize='unicode61')"
    return _filled(archive, target, table, "rowid, text")


def _filled(archive: Path, target: Path, table: str, columns: str) -> str:
    """Insert the texts of an archive into a new table; only the inserting is timed."""
    seconds = 0.0
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -65536"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(table)
        for rows in _texts(archive):
            start = perf_counter()
            with immediate(connection):
                connection.executemany(f"INSERT INTO words ({columns}) VALUES (?, ?)", rows)
            seconds += perf_counter() - start
    return f"{seconds} s"


def _texts(archive: Path) -> Iterator[list[tuple[int, str]]]:
    with closing(sqlite3.connect(archive)) as connection:
        cursor = connection.execute("SELECT id, text FROM message ORDER BY id")
        while rows := cursor.fetchmany(BATCH):
            yield rows


if __name__ == "__main__":
    main(sys.argv[1:])
