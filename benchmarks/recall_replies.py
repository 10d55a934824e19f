"""Which of the previous 50 messages a message answers, its own reply hidden, nothing after it.

    python -m benchmarks.recall_replies EXPORT [--truth TRUTH.jsonl.gz] [--no-embedder]

EXPORT is any chat that ``atself ingest`` reads; its own replies are what is asked about, or the
``reply_to`` (a list of ids) of TRUTH, one {"id", "topic", "reply_to"} a line, which also gives the
rows that know the topics. ``adapted`` ranks with weights fitted to the replies before, fitted anew
whenever there are a tenth more of them. Without EXPORT the example chat is read.
"""

from __future__ import annotations

import argparse
import gzip
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import UTC
from itertools import groupby, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import orjson

from benchmarks._replies import REACH, Asked, ask, score, standard
from config.console import emit_table, say
from ingest.archive import Archive
from ingest.chat import Message
from ingest.importer import import_paths
from ingest.linker.closeness import widened, with_cosines
from ingest.linker.columns import Array
from ingest.linker.learning import REPLIES, TRUST
from ingest.linker.ranking import Ranking, fit, shipped
from rag.conversation import CHARACTERS, GROWTH
from rag.embedding.models import make_embedder
from rag.embedding.packaged import ENGLISH

FIRST = 20
EXAMPLE = Path(__file__).parents[1] / "examples" / "midnight-canteen" / "result.json"
SHIPPED, ADAPTED = "ours, weights that ship", "ours, adapted"


def main(arguments: Sequence[str]) -> None:
    """Ask and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall_replies")
    parser.add_argument("export", type=Path, nargs="?", default=EXAMPLE)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--queries", type=int, default=2000, help="a fixed sample over all time")
    parser.add_argument("--no-embedder", action="store_true", help="words and the linker alone")
    wanted = parser.parse_args(arguments)
    messages = _messages(wanted.export)
    replies, topics = _truth(wanted.truth, messages) if wanted.truth else (_said(messages), None)
    started = process_time()
    every = [question for chat in _chats(messages) for question in ask(chat, replies)]
    if not every:
        raise SystemExit(f"{wanted.export}: nobody replies to one of the {REACH} messages before")
    each = 1000 * (process_time() - started) / len(messages)
    say(f"{len(every):,} questions; {each:.2f} ms of processor time a message of the chat")
    cosines = None if wanted.no_embedder else _cosines(every)
    _report(every, _sample(len(every), wanted.queries), cosines, topics)


def _messages(export: Path) -> list[Message]:
    with (
        TemporaryDirectory() as folder,
        Archive.open(Path(folder) / "archive.sqlite", create=True) as archive,
    ):
        import_paths(archive, [export], zone=UTC)
        return list(archive.messages())


def _chats(messages: Sequence[Message]) -> Iterator[list[Message]]:
    for _, chat in groupby(messages, key=lambda message: message.chat):
        yield list(chat)


def _said(messages: Sequence[Message]) -> dict[str, list[str]]:
    return {message.id: [message.reply_to] for message in messages if message.reply_to}


def _truth(path: Path, messages: Sequence[Message]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """True replies and topics, by the ids of the archive."""
    with gzip.open(path) as lines:
        rows = {str(row["id"]): row for row in map(orjson.loads, lines)}
    replies, topics = {}, {}
    for message in messages:
        head, _, own = message.id.rpartition(":")
        if own in rows:
            topics[message.id] = rows[own]["topic"]
            replies[message.id] = [f"{head}:{id}" for id in rows[own]["reply_to"]]
    return replies, topics


def _sample(count: int, most: int) -> list[int]:
    return sorted({int(place) for place in np.linspace(0, count - 1, min(count, most))})


def _cosines(every: Sequence[Asked]) -> Array:
    """Cosines (n, REACH) of the questions with what was said before each."""
    texts = [m.text[:CHARACTERS] for asked in every for m in (asked.message, *asked.near)]
    embedder = make_embedder(ENGLISH)
    assert embedder is not None
    place_of = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    places = np.array([place_of[text] for text in texts]).reshape(len(every), REACH + 1)
    started = process_time()
    vectors = embedder.embed_passages(list(place_of))
    say(f"{len(place_of):,} texts embedded in {process_time() - started:.0f} s of processor time")
    return np.stack([vectors[row[1:]] @ vectors[row[0]] for row in places])


def _report(
    every: Sequence[Asked],
    sample: Sequence[int],
    cosines: Array | None,
    topics: Mapping[str, str] | None,
) -> None:
    asked = [every[place] for place in sample]
    ways = _ways(every, sample)
    if cosines is not None:
        ways |= _ways_with_meaning(every, sample, cosines, ways["BM25"])
    if topics is not None:
        same = np.array(
            [[topics.get(m.id) == topics.get(q.message.id) for m in q.near] for q in asked]
        )
        ways["topic known, the latest first"] = same.astype(float)
        best = ADAPTED if cosines is None else f"{ADAPTED}, cosine"
        ways[f"topic known, {best}"] = standard(ways[best]) + 100.0 * same
    rows = [
        (name, *(f"{figure:.3f}" for figure in astuple(score(asked, scores))))
        for name, scores in ways.items()
    ]
    emit_table((f"{len(asked):,} replies", "R@1", "R@5", "R@10", "MRR"), rows)


def _ways(every: Sequence[Asked], sample: Sequence[int]) -> dict[str, Array]:
    asked = [every[place] for place in sample]
    seen = np.array([question.seen for question in asked])
    return {
        "the latest first": np.zeros((len(asked), REACH)),
        "BM25": np.array([question.wording for question in asked]),
        "the linker of `atself threads`": np.array([question.linked for question in asked]),
        SHIPPED: shipped().scores(seen),
        ADAPTED: _adapted(every)[list(sample)],
    }


def _ways_with_meaning(
    every: Sequence[Asked], sample: Sequence[int], cosines: Array, wording: Array
) -> dict[str, Array]:
    chosen = list(sample)
    seen = np.array([every[place].seen for place in chosen])
    near = -np.log(np.arange(1, REACH + 1))
    simple = standard(np.log1p(wording)) + standard(cosines[chosen]) + standard(near[None])
    return {
        "MiniLM cosine": cosines[chosen],
        "recency + BM25 + cosine": simple,
        f"{SHIPPED}, cosine": widened(shipped()).scores(with_cosines(seen, cosines[chosen])),
        f"{ADAPTED}, cosine": _adapted(every, cosines)[chosen],
    }


def _adapted(every: Sequence[Asked], cosines: Array | None = None) -> Array:
    """Scores (n, REACH), each stretch by weights fitted to the replies before it."""
    known = np.ones((len(every), REACH), bool)
    seen = np.array([question.seen for question in every])
    if cosines is not None:
        seen = with_cosines(seen, cosines)
    nearest = np.array([min(question.right) for question in every])
    found = []
    for start, end in pairwise(_stretches(len(every))):
        before = slice(max(0, start - REPLIES), start)
        ranking = _prior(None if cosines is None else cosines[before])
        if start:
            ranking = fit(seen[before], known[before], nearest[before], ranking, trust=TRUST)
        found.append(ranking.scores(seen[start:end]))
    return np.concatenate(found)


def _prior(cosines: Array | None) -> Ranking:
    return shipped() if cosines is None else widened(shipped(), cosines)


def _stretches(count: int) -> list[int]:
    """When a chat that is indexed each time it has enough more replies learns from them."""
    starts = [0, FIRST]
    while starts[-1] < count:
        starts.append(math.ceil(starts[-1] * GROWTH))
    return [*(start for start in starts if start < count), count]


if __name__ == "__main__":
    main(sys.argv[1:])
