"""Long-range memory: does recall find what was said on the topic at least a day before?

    python -m benchmarks.recall_memory HOME --truth TRUTH [--queries 400]

HOME has a dataset and a finished index; TRUTH names the topic of each message (one {"id", "topic"}
a line). Asked is what the live bot would ask before real replies of @self in the last part of the
chat, a day earlier in time; relevant is a passage most of whose messages are of the reply's topic.
Replies without any relevant passage are left out of the first table. Each row is a way to rank:
dense alone, words alone as messages rank (BM25), both by reciprocal rank with @self's weighed
1.25 (how recall once worked), the latest passages, and ours, whole and with one kind of evidence
left out. The second table is what recall shows after its floor, and how that does on questions
that have nothing to do with the chat (--unrelated TEXT, a question a line).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks._held_replies import Asked, asked_of
from benchmarks._passages import Past
from config.console import emit_table
from config.settings import Home, load
from ingest.archive import Archive
from ingest.chunks import Chunk
from ingest.scope import Scope
from rag import evidence, wording
from rag.recall import Recall
from rag.search import Question, Search

BEST = 10
SHOWN = 150
SPLITS = ("validation", "test")
Rank = Callable[[Asked], Sequence[str]]
Found = tuple[Mapping[str, Chunk], Mapping[str, float], evidence.Sought]
_RANK_OFFSET = 60  # of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)
_OLD_SELF_WEIGHT = 1.25


def main(arguments: list[str]) -> None:
    """Rank for every reply in every way and print the tables."""
    asked = _parser().parse_args(arguments)
    home, settings = Home(asked.home), load(asked.home)
    with Archive.open(home.archive) as archive, Recall.open(settings, home, archive) as recall:
        search = recall._search()
        assert search.index is not None  # HOME has an index
        past = Past(archive, search.index.catalogue, asked.truth)
        every = asked_of(home.dataset, 10**6, splits=SPLITS)
        known = [one for one in every if past.relevant(one)][: asked.queries]
        rows = [(name, *_figures(known, rank, past)) for name, rank in _ways(search, past).items()]
        head = ("ranking", "recall@10", "of all", "nDCG@10", "MRR", "first is relevant")
        emit_table(head, rows)
        _show_floor(recall, past, every, known, asked.unrelated)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall_memory")
    parser.add_argument("home", type=Path)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--unrelated", type=Path)
    return parser


def _ways(search: Search, past: Past) -> dict[str, Rank]:
    @cache
    def dense(asked: Asked) -> list[str]:
        return _dense(search, asked)

    @cache
    def worded(asked: Asked) -> list[str]:
        return _worded(search, asked)

    @cache
    def found(asked: Asked) -> Found:
        return _found(search, asked)

    ways: dict[str, Rank] = {
        "latest": lambda asked: past.latest(asked, BEST),
        "dense": dense,
        "words, by message": worded,
        "fused by rank": lambda asked: _fused(search, dense(asked), worded(asked)),
        "ours": lambda asked: _order(found(asked)),
    }
    for name in ("WORDS", "MEANING", "AGE", "OWN"):
        ways[f"ours without {name.lower()}"] = _set(evidence, name, 0.0, ways["ours"])
    anew: Rank = lambda asked: _order(_found(search, asked))  # noqa: E731
    ways["ours, all lines alike"] = _set(evidence, "LINE_WEIGHTS", (1.0,), anew)
    ways["ours, candidates of any age"] = _set(wording, "FADE", 0.0, anew)
    return ways


def _question(asked: Asked) -> Question:
    return Question(asked.text, asked.chat, asked.before, asked.context)


def _dense(search: Search, asked: Asked) -> list[str]:
    assert search.index is not None
    assert search.index.meaning is not None  # HOME has vectors
    meaning = search.index.meaning
    newer = search.index.catalogue.newer(asked.chat, asked.before, 1000)
    most = search.settings.recall.candidates
    meaning.ask(asked.text, {asked.chat: newer}, before=asked.before, limit=most)
    return list(meaning.answer(None))


def _worded(search: Search, asked: Asked) -> list[str]:
    """As archives rank messages: passages in the order of the best message they quote."""
    assert search.index is not None
    hits = search.archive.search(
        asked.text, scope=Scope.of(asked.chat), before=asked.before, limit=40
    )
    ids = [message.id for message, _ in hits]
    found = search.index.catalogue.containing(ids, shelves=[asked.chat], before=asked.before)
    return list(dict.fromkeys(key for id in ids for key in found.get(id, ())))


def _fused(search: Search, *rankings: Sequence[str]) -> list[str]:
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking):
            scores[key] = scores.get(key, 0.0) + 1 / (_RANK_OFFSET + 1 + rank)
    assert search.index is not None
    entries = search.index.catalogue.entries(scores)
    weight = {key: _OLD_SELF_WEIGHT if entry.has_self else 1 for key, entry in entries.items()}
    return sorted(scores, key=lambda key: -scores[key] * weight.get(key, 1))


def _found(search: Search, asked: Asked) -> Found:
    """The candidates and the evidence, before the floor and before repeats are dropped."""
    question = search._asked(_question(asked), search.archive.chats())
    found = search._evidence(question, None)
    return search._chunks(found), found.similarities, question.sought


def _order(found: Found) -> list[str]:
    chunks, similarities, sought = found
    scores = evidence.evidence(chunks, similarities, sought)
    return sorted(chunks, key=lambda key: -scores[key].score)


def _set(module: ModuleType, name: str, value: object, rank: Rank) -> Rank:
    """``rank`` with another value of a constant."""

    def changed(asked: Asked) -> Sequence[str]:
        kept = getattr(module, name)
        setattr(module, name, value)
        try:
            return rank(asked)
        finally:
            setattr(module, name, kept)

    return changed


def _figures(replies: Sequence[Asked], rank: Rank, past: Past) -> tuple[str, ...]:
    rows = [_score(rank(asked), past.relevant(asked)) for asked in replies]
    return tuple(f"{value:.3f}" for value in np.mean(rows, axis=0))


def _score(ranking: Sequence[str], relevant: set[str]) -> tuple[float, ...]:
    """recall@10 (of at most ten; of all), nDCG@10, reciprocal rank, precision of the first."""
    hits = [key in relevant for key in ranking]
    best = hits[:BEST]
    gained = sum(hit / math.log2(place + 2) for place, hit in enumerate(best))
    ideal = sum(1 / math.log2(place + 2) for place in range(min(BEST, len(relevant))))
    first = next((place for place, hit in enumerate(hits) if hit), None)
    return (
        sum(best) / min(BEST, len(relevant)),
        sum(best) / len(relevant),
        gained / ideal,
        0.0 if first is None else 1 / (first + 1),
        float(any(hits[:1])),
    )


def _show_floor(
    recall: Recall,
    past: Past,
    every: Sequence[Asked],
    known: Sequence[Asked],
    unrelated: Path | None,
) -> None:
    spread_out = every[:: max(1, len(every) // SHOWN)]
    rows: list[tuple[str, int, str, str]] = []
    for name, replies in (("replies", spread_out), ("with a relevant passage", known)):
        shown = [(asked, _shown(recall, asked)) for asked in replies]
        hits = [key in past.relevant(asked) for asked, keys in shown for key in keys]
        share = np.mean([bool(keys) for _, keys in shown])
        rows.append((name, len(replies), f"{share:.2f}", f"{np.mean(hits or [False]):.2f}"))
    if unrelated is not None:
        lines = unrelated.read_text(encoding="utf-8").splitlines()
        moment, chat = every[-1].moment, every[-1].chat
        found = [recall.search(line, chat=chat, before=moment, limit=4) for line in lines]
        rows.append(("unrelated", len(lines), f"{np.mean([bool(each) for each in found]):.2f}", ""))
    emit_table(("after the floor, at most 4", "questions", "answered", "of the topic"), rows)


def _shown(recall: Recall, asked: Asked) -> list[str]:
    found = recall.search(
        asked.text, chat=asked.chat, before=asked.before, limit=4, exclude=asked.context
    )
    return [recalled.passage.id for recalled in found]


if __name__ == "__main__":
    main(sys.argv[1:])
