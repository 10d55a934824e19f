"""What the bot would be shown before it answers, with nothing said after the message it answers.

    python -m benchmarks.live_contexts EXPORT TOPICS.jsonl.gz --self WHO [--turns 400] [--meaning]

EXPORT is a chat whose messages have known topics (one {"id", "topic"} a line). Asked is the message
before each of a fixed sample of turns of @self; ``of its topic`` is the share of the shown lines
that have that message's topic, ``held`` the share shown of the lines of that topic among the 30
before it. Only those 30 are counted, so that all ways compare. ms is processor time a context;
``running`` is a bot that answers every one of the last turns in a row. ``--meaning`` adds the same
with vectors of MiniLM, by the weights that ship; its ms hold the embedding of the last 65 lines.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import orjson

from bot.history import Contexts
from config.console import emit_table
from ingest.archive import Archive
from ingest.chat import Message
from ingest.clean import is_noise
from ingest.importer import import_paths
from ingest.linker.closeness import widened
from ingest.linker.ranking import shipped
from ingest.listening import Meaning
from ingest.threads import thread_with
from rag.conversation import Nearby
from rag.embedding.models import make_embedder
from rag.embedding.packaged import ENGLISH

REACH = 30
KNOWN = 300
"""Lines of history the bot has at hand."""
GAP = timedelta(minutes=30)
LAST = (10, 15, 20, 30)
ROOM = 1500
"""Tokens for lines of the running bot, four letters each."""

Way = Callable[[Sequence[Message]], Iterable[Message]]


def main(arguments: Sequence[str]) -> None:
    """Choose contexts in each way, and print what is in them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_contexts")
    parser.add_argument("export", type=Path)
    parser.add_argument("topics", type=Path)
    parser.add_argument("--self", dest="me", required=True)
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--meaning", action="store_true")
    wanted = parser.parse_args(arguments)
    messages = _messages(wanted.export, wanted.me)
    topics = _topics(wanted.topics, messages)
    places = _before_turns(messages)
    spread = [places[int(n)] for n in np.linspace(0, len(places) - 1, wanted.turns)]
    in_row = places[-wanted.turns :]
    ways: list[tuple[str, Way, Sequence[int]]] = [
        (f"last {count}", _last(count), spread) for count in LAST
    ]
    ways += [
        ("threads anew", _thread, spread),
        ("ours", lambda history: _contexts(1 << 30).choose(history), spread),
        ("last 15, running", _last(15), in_row),
        ("threads anew, running", _thread, in_row),
        ("ours, running", _contexts(ROOM).choose, in_row),
    ]
    if wanted.meaning:
        ways.append(("ours, meaning too", _with_meaning(), spread))
    rows = [(name, *_figures(messages, topics, asked, way)) for name, way, asked in ways]
    emit_table(("context", "of its topic %", "held %", "lines", "ms"), rows)


def _messages(export: Path, me: str) -> list[Message]:
    with (
        TemporaryDirectory() as folder,
        Archive.open(Path(folder) / "archive.sqlite", create=True) as archive,
    ):
        import_paths(archive, [export], zone=UTC)
        archive.set_self(me)
        return list(archive.messages())


def _topics(path: Path, messages: Sequence[Message]) -> dict[str, str]:
    """Topics by id; a message without one has its own."""
    with gzip.open(path) as lines:
        known = {str(row["id"]): row["topic"] for row in map(orjson.loads, lines)}
    return {m.id: known.get(m.id.rpartition(":")[2], m.id) for m in messages}


def _before_turns(messages: Sequence[Message]) -> list[int]:
    """Places of others' messages that @self speaks right after."""
    return [
        place
        for place in range(REACH, len(messages) - 1)
        if messages[place + 1].person.is_self and not messages[place].person.is_self
    ]


def _figures(
    messages: Sequence[Message], topics: Mapping[str, str], places: Sequence[int], way: Way
) -> tuple[str, ...]:
    lines = of_topic = to_hold = 0
    seconds = 0.0
    for place in places:
        history = messages[max(0, place - KNOWN) : place + 1]
        started = process_time()
        chosen = {message.id for message in way(history)}
        seconds += process_time() - started
        near = [message.id for message in history[-REACH - 1 : -1]]
        same = {id for id in near if topics[id] == topics[history[-1].id]}
        lines += len(chosen.intersection(near))
        of_topic += len(same & chosen)
        to_hold += len(same)
    held = 100 * of_topic / max(1, to_hold)
    share = 100 * of_topic / max(1, lines)
    each = 1000 * seconds / len(places)
    return f"{share:.1f}", f"{held:.1f}", f"{lines / len(places):.1f}", f"{each:.1f}"


def _last(count: int) -> Way:
    return lambda history: history[-count - 1 : -1]


def _thread(history: Sequence[Message]) -> Sequence[Message]:
    """The thread of the newest, recovered from all of the history."""
    *earlier, newest = history
    said = [*(message for message in earlier if is_noise(message) is None), newest]
    found = thread_with(said, newest.id, gap=GAP)
    if found is not None and len(found.messages) > 1:
        return found.messages
    start = len(said) - 1
    while start and said[start].sent_at - said[start - 1].sent_at <= GAP:
        start -= 1
    return said[start:]


def _with_meaning() -> Way:
    embedder = make_embedder(ENGLISH)
    assert embedder is not None
    meaning = Meaning(widened(shipped()), Nearby(embedder, seconds=600).vectors)
    return lambda history: _contexts(1 << 30, meaning).choose(history)


def _contexts(room: int, meaning: Meaning | None = None) -> Contexts:
    return Contexts(gap=GAP, room=room, length=lambda text: len(text) // 4, meaning=meaning)


if __name__ == "__main__":
    main(sys.argv[1:])
