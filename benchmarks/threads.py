"""How well threads are recovered, and how fast, beside simple ways of doing it.

    python -m benchmarks.threads LOGS
    python -m benchmarks.threads LOGS --chat EXPORT --truth TOPICS.jsonl.gz --self WHO

LOGS is a folder of annotated Ubuntu IRC logs (training/ubuntu.py says where they come from), scored
through the rows of ``atself threads --json``. EXPORT is a chat whose messages have known topics
(one {"id", "topic"} a line), scored by the windows that ``atself dataset`` would cut from it.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import orjson

from benchmarks import rule_linker
from benchmarks.thread_scores import Links, score
from benchmarks.thread_windows import (
    Held,
    held_by_threads,
    held_by_windows,
    last_messages,
    shared_discussions,
)
from config.console import emit_table
from ingest.answers import rows_of
from ingest.archive import Archive
from ingest.importer import import_paths
from ingest.linker.columns import Utterance
from ingest.linker.finder import Answer, answers_of
from ingest.threads import recover_threads
from training.ubuntu import Log, read_links, read_logs

GAP = timedelta(minutes=30)
LAST = (10, 20, 30)


def main(arguments: list[str]) -> None:
    """Score and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads")
    parser.add_argument("logs", type=Path)
    parser.add_argument("--chat", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--self", dest="me")
    parser.add_argument("--gap", type=float, default=GAP.total_seconds() / 60)
    asked = parser.parse_args(arguments)
    _links(asked.logs)
    if asked.chat:
        _windows(asked.chat, asked.truth, asked.me, timedelta(minutes=asked.gap))


def _links(folder: Path) -> None:
    logs = list(read_logs(folder))
    gold = {log.name: _gold(folder, log.name) for log in logs}
    ways: dict[str, Callable[[], dict[str, Links]]] = {
        "previous message": lambda: _by(_previous, logs),
        "rule linker": lambda: _by(rule_linker.answers_of, logs),
        "ours": lambda: _by(answers_of, logs),
        "ours, atself threads": lambda: _by_command(folder, gold),
    }
    messages = sum(len(log.messages) for log in logs)
    rows = []
    for name, way in ways.items():
        started = perf_counter()
        found = way()
        each = (perf_counter() - started) * 1000 / messages
        scores = asdict(score(gold, found)).values()
        rows.append((name, *(f"{value:.2f}" for value in scores), f"{each:.3f}"))
    emit_table(
        ("links", "P", "R", "F1", "exact P", "exact R", "exact F1", "1-1", "VI", "ms/message"),
        rows,
    )


def _gold(folder: Path, name: str) -> Links:
    links = read_links(folder, name)
    return {(source, target) for source, targets in links.items() for target in targets}


def _previous(messages: Sequence[Utterance]) -> Iterator[Answer]:
    before: str | None = None
    for message in messages:
        yield Answer(message.key, before, 1.0)
        before = message.key


def _by(
    way: Callable[[Sequence[Utterance]], Iterator[Answer]], logs: list[Log]
) -> dict[str, Links]:
    """The links of the annotated lines; a line that is no message answers nothing."""
    found = {}
    for log in logs:
        line_of = dict(zip((m.key for m in log.messages), log.lines, strict=True))
        answers = {
            line_of[answer.key]: line_of[answer.to or answer.key] for answer in way(log.messages)
        }
        found[log.name] = {(line, answers.get(line, line)) for line in log.links}
    return found


def _by_command(folder: Path, gold: Mapping[str, Links]) -> dict[str, Links]:
    """The links in the rows of the command; a line without a row is missing."""
    found: dict[str, Links] = {}
    for name, links in gold.items():
        annotated = {source for source, _ in links}
        found[name] = {
            (row.line, row.line if row.answers is None else row.answers)
            for row in rows_of(folder / f"{name}.raw.txt")
            if row.line in annotated
        }
    return found


def _windows(export: Path, truth: Path, me: str, gap: timedelta) -> None:
    with (
        TemporaryDirectory() as folder,
        Archive.open(Path(folder) / "archive.sqlite", create=True) as archive,
    ):
        import_paths(archive, [export], zone=UTC)
        archive.set_self(me)
        messages = list(archive.messages())
    topics = _topics(truth)
    topic_of = [topics.get(message.id.rpartition(":")[2], message.id) for message in messages]
    started = perf_counter()
    threads = list(recover_threads(messages, gap=gap))
    each = (perf_counter() - started) * 1000 / len(messages)
    rows: list[tuple[str, Held]] = [
        (f"last {count}", last_messages(messages, topic_of, count)) for count in LAST
    ]
    rows.append(("our threads", held_by_threads(messages, topic_of, threads)))
    rows.append(("our windows", held_by_windows(messages, topic_of, threads)))
    emit_table(
        ("window", "of its topic %", "of the topic's last 30 held %", "messages", "empty %"),
        [(name, *(f"{value:.1f}" for value in held.figures())) for name, held in rows],
    )
    precision, recall = shared_discussions(messages, topic_of, threads)
    emit_table(
        ("discussions with @self", "P", "R", "ms/message"),
        [("ours", f"{precision:.1f}", f"{recall:.1f}", f"{each:.3f}")],
    )


def _topics(path: Path) -> dict[str, str]:
    with gzip.open(path) as lines:
        return {str(row["id"]): row["topic"] for row in map(orjson.loads, lines)}


if __name__ == "__main__":
    main(sys.argv[1:])
