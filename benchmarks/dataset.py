"""How long it takes to find the windows of someone who wrote 1 % of a large archive.

    python -m benchmarks.dataset [EXPORT] [--messages 1000000]

Scales a Telegram export (the sample where none is given) to a number of messages, 100,000 where
none is given, imports it, takes for @self the account whose share is nearest to 1 %, and builds
the dataset as ``atself dataset`` does, lines of memory included. The first two rows tell what of it
is reading the archive, and finding threads.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._scaled import SAMPLE, base_messages, write_export
from benchmarks.ingest import measured
from config.console import emit_table, say
from config.settings import load
from ingest.archive import Archive
from ingest.dataset import build
from ingest.importer import import_paths
from ingest.memory import recaller
from ingest.threads import recover_threads

SHARE = 0.01


def main(arguments: list[str]) -> None:
    """Build one dataset and print what it cost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dataset")
    parser.add_argument("export", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where there is room; default: the system's")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory(dir=asked.folder) as folder:
        home = Path(folder)
        _prepare(asked.export, home, asked.messages)
        costs = [
            (work.__name__.strip("_"), measured(work, home)) for work in (_read, _link, _build)
        ]
    emit_table(
        ("step", "seconds", "processor", "peak MB", ""),
        (
            (name, f"{cost.seconds:.1f}", f"{cost.processor:.1f}", f"{cost.peak:.0f}", cost.note)
            for name, cost in costs
        ),
    )


def _prepare(export: Path, home: Path, messages: int) -> None:
    """An archive of ``messages`` messages in which @self is known."""
    spoken = Counter(str(message.get("from_id")) for message in base_messages(export))
    me = min(spoken, key=lambda who: abs(spoken[who] / spoken.total() - SHARE))
    path = home / "result.json"
    write_export(export, path, messages=messages, casts=False)
    with Archive.open(home / "archive.sqlite", create=True) as archive:
        import_paths(archive, [path], zone=UTC)
        archive.set_self(me)
        counts = archive.counts()
    path.unlink()
    share = counts.self_messages / counts.messages
    say(f"{counts.messages:,} messages of {counts.people:,} people, {share:.2%} by @self")


def _read(home: Path) -> str:
    with Archive.open(home / "archive.sqlite") as archive:
        return f"{sum(1 for _ in archive.messages()):,} messages"


def _link(home: Path) -> str:
    gap = timedelta(minutes=load(home).threads.gap_minutes)
    with Archive.open(home / "archive.sqlite") as archive:
        return f"{sum(1 for _ in recover_threads(archive.messages(), gap=gap)):,} threads"


def _build(home: Path) -> str:
    settings = load(home)
    with Archive.open(home / "archive.sqlite") as archive:
        recall = recaller(archive, settings)
        manifest = build(archive, home / "dataset", settings, now=datetime.now(UTC), recall=recall)
    windows = sum(split.windows for split in manifest.splits.values())
    replies = sum(split.replies for split in manifest.splits.values())
    return f"{windows:,} windows, {replies:,} replies"


if __name__ == "__main__":
    main(sys.argv[1:])
