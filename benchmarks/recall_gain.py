"""What memory is worth: how much likelier @self's real replies are with passages in the prompt.

    python -m benchmarks.recall_gain HOME [--truth TRUTH] [--queries 200] [--model base]

HOME has a dataset, a finished index and a model. Each held-out reply is scored under the persona
(or its untrained base) by llama.cpp, in the prompt of the live bot: without memory, with what
recall brings back, with as many unrelated passages of the same chat, and, where TRUTH is given
(one {"id", "topic"} a line), with passages that share most terms with the reply among those of its
topic: an oracle. As live, passages may end until
shortly before; --days 1 leaves only long-range memory. Printed are nats per
byte saved against no memory, with 95 % paired bootstrap intervals over conversations; then by
whether the rare words of the reply occur in what was recalled, by number of passages, and by floor.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from benchmarks._held_replies import Asked, asked_of
from benchmarks._passages import Past
from bot.voice import Voice
from bot.voices import find_voice
from config.console import emit_table, progress, say
from config.settings import Home, Settings, load
from ingest.archive import Archive
from ingest.chat import Passage, Window
from ingest.chunks import MEMORY_SHARE, memory_lines
from ingest.terms import terms
from rag.recall import Recall
from trainer.card.intervals import ratio
from trainer.card.llama_scores import BATCH_TOKENS, opened
from trainer.card.llama_scores import _nats as nats_at
from trainer.card.scores import Probe, probes_of, split_scores

COUNTS = (1, 2, 4)
CONTEXT = 2048
LEAST_LETTERS = 5
FLOORS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
Way = Callable[[Asked], Sequence[Passage]]


@dataclass(frozen=True, slots=True)
class Scored:
    """A reply under one way of filling memory."""

    asked: Asked
    passages: tuple[Passage, ...]
    nats: float
    bytes: int


def main(arguments: list[str]) -> None:
    """Score every reply in every way and print the tables."""
    asked = _parser().parse_args(arguments)
    home, settings = Home(asked.home), load(asked.home)
    replies = asked_of(home.dataset, asked.queries, lately=timedelta(days=asked.days))
    voice = find_voice(home, settings, asked.model)
    with Archive.open(home.archive) as archive, Recall.open(settings, home, archive) as recall:
        index = recall._search().index
        assert index is not None  # HOME has one
        past = Past(archive, index.catalogue, asked.truth)
        ways = _ways(recall, past, has_truth=asked.truth is not None)
        with _scorer(voice, settings, threads=asked.threads) as score:
            scored = _scores(replies, ways, score)
    say(f"{len(replies)} replies of {voice.name}")
    _show(scored)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall_gain")
    parser.add_argument("home", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--model", help="a version, or base; unset takes the serving one")
    parser.add_argument("--days", type=float, default=0, help="leave out what is more recent")
    parser.add_argument("--threads", type=int, default=2)
    return parser


def _ways(recall: Recall, past: Past, *, has_truth: bool) -> dict[str, Way]:
    most = max(COUNTS)

    @cache
    def found(asked: Asked) -> list[Passage]:
        best = recall.search(
            asked.text, chat=asked.chat, before=asked.before, limit=most, exclude=asked.context
        )
        return [recalled.passage for recalled in best]

    def recalled(count: int) -> Way:
        return lambda asked: found(asked)[:count]

    ways: dict[str, Way] = {"none": lambda _asked: ()}
    ways |= {f"recalled, {count}": recalled(count) for count in COUNTS}
    ways["unrelated"] = lambda asked: past.unrelated(asked, most, Random(asked.held.key))
    if has_truth:
        ways["oracle"] = lambda asked: _closest(asked, past.load(past.relevant(asked)), most)
    return ways


def _closest(asked: Asked, passages: Sequence[Passage], count: int) -> list[Passage]:
    """The passages that share most terms with the real reply."""
    said = _words(asked)
    return sorted(passages, key=lambda one: -len(said.intersection(terms(one.text))))[:count]


def _words(asked: Asked) -> set[str]:
    turn = asked.held.window.turns[asked.held.place]
    return {term for line in turn.lines for term in terms(line.text)}


Score = Callable[[Asked, Sequence[Passage]], Scored]


@contextmanager
def _scorer(voice: Voice, settings: Settings, *, threads: int) -> Iterator[Score]:
    """Scores a reply after its context, with passages as live; the best that fit their share."""
    room = settings.dataset.window_tokens // MEMORY_SHARE
    with opened(voice.model, context_tokens=CONTEXT, threads=threads) as llama:
        held: list[int] = []

        def read(text: str, is_control: bool) -> list[int]:
            return list(llama.tokenize(text.encode(), add_bos=False, special=is_control))

        def score(asked: Asked, passages: Sequence[Passage]) -> Scored:
            kept = tuple(passages)
            while kept and len(read("\n".join(memory_lines(kept)), False)) > room:
                kept = kept[:-1]
            window = _window(asked, memory_lines(kept))
            [probe] = probes_of([window], voice.head, voice.markup, read, max_tokens=CONTEXT)
            [found] = split_scores(probe, _nats(llama, held, probe))
            return Scored(asked, kept, found.text_nats, found.text_bytes)

        yield score


def _window(asked: Asked, memory: Sequence[str]) -> Window:
    """What was said up to the reply, with the reply as the only target."""
    held = asked.held
    before = (replace(turn, is_target=False) for turn in held.before)
    turns = (*before, held.window.turns[held.place])
    return replace(held.window, turns=turns, memory=tuple(memory))


def _nats(llama: Any, held: list[int], probe: Probe) -> list[float]:
    """As supervised_nats, but tokens the model holds from the last prompt are not read again."""
    ids, marks = probe.example.ids, probe.example.marks
    first = next(place for place, mark in enumerate(marks) if mark) - 1
    common = next(
        (i for i, pair in enumerate(zip(held, ids, strict=False)) if pair[0] != pair[1]), first
    )
    start = min(common, first)
    llama._ctx.kv_cache_seq_rm(-1, start, -1)
    held[:] = ids
    nats: list[float] = []
    for begin in range(start, len(ids), BATCH_TOKENS):
        chunk = ids[begin : begin + BATCH_TOKENS]
        wanted = [i for i in range(len(chunk)) if any(marks[begin + i + 1 : begin + i + 2])]
        llama._batch.set_batch(batch=chunk, n_past=begin, logits_all=False)
        for place in wanted:
            llama._batch.batch.logits[place] = True
        llama._ctx.decode(llama._batch)
        nats += [nats_at(llama, place, ids[begin + place + 1]) for place in wanted]
    return nats


def _scores(
    replies: Sequence[Asked], ways: Mapping[str, Way], score: Score
) -> dict[str, list[Scored]]:
    scored: dict[str, list[Scored]] = {name: [] for name in ways}
    with progress() as display:
        task = display.add_task("replies", total=len(replies), note="")
        for asked in replies:
            done: dict[tuple[str, ...], Scored] = {}
            for name, way in ways.items():
                passages = way(asked)
                key = tuple(passage.id for passage in passages)
                done[key] = done.get(key) or score(asked, passages)
                scored[name].append(done[key])
            display.update(task, advance=1)
    return scored


def _show(scored: Mapping[str, Sequence[Scored]]) -> None:
    emit_table(
        ("memory", "replies with any", "nats/byte", "gain", "95 %", "of those with any", "95 %"),
        [_row(name, ours, scored["none"]) for name, ours in scored.items()],
    )
    _show_floors(scored["recalled, 1"], scored["none"])
    best = scored[f"recalled, {max(COUNTS)}"]
    shown = [bool(one.passages) for one in best]
    hits = [_has_rare_word(one) for one in best]
    parts = {
        "rare words of the reply occur": [a and b for a, b in zip(shown, hits, strict=True)],
        "they do not": [a and not b for a, b in zip(shown, hits, strict=True)],
    }
    rows = [
        (name, sum(chosen), *_gain(_of(best, chosen), _of(scored["none"], chosen)))
        for name, chosen in parts.items()
    ]
    emit_table((f"recalled, {max(COUNTS)}", "replies", "gain", "95 %"), rows)


def _show_floors(ours: Sequence[Scored], none: Sequence[Scored]) -> None:
    """The gain of the best passage where its score reaches a floor."""
    rows = []
    for floor in FLOORS:
        chosen = [any(passage.score >= floor for passage in one.passages) for one in ours]
        rows.append((floor, sum(chosen), *_gain(_of(ours, chosen), _of(none, chosen))))
    emit_table(("best passage scores at least", "replies", "gain", "95 %"), rows)


def _row(name: str, ours: Sequence[Scored], none: Sequence[Scored]) -> tuple[str, ...]:
    shown = [bool(one.passages) for one in ours]
    rate = sum(one.nats for one in ours) / sum(one.bytes for one in ours)
    parts = (*_gain(ours, none), *_gain(_of(ours, shown), _of(none, shown)))
    return (name, str(sum(shown)), f"{rate:.4f}", *parts)


def _of(scored: Sequence[Scored], chosen: Sequence[bool]) -> list[Scored]:
    return [one for one, is_chosen in zip(scored, chosen, strict=True) if is_chosen]


def _gain(ours: Sequence[Scored], none: Sequence[Scored]) -> tuple[str, str]:
    """Nats saved per byte of the replies, and its interval."""
    if not ours:
        return "", ""
    found = ratio(
        [other.nats - one.nats for one, other in zip(ours, none, strict=True)],
        [one.bytes for one in ours],
        [one.asked.held.window.id for one in ours],
        seed=7,
    )
    ends = "" if found.low is None else f"{found.low:+.4f} to {found.high:+.4f}"
    return f"{found.value:+.4f}", ends


def _has_rare_word(scored: Scored) -> bool:
    """Whether a word of the reply that was not in the context occurs in a passage."""
    context = {
        term
        for turn in scored.asked.held.before
        for line in turn.lines
        for term in terms(line.text)
    }
    new = {term for term in _words(scored.asked) - context if len(term) >= LEAST_LETTERS}
    return any(new.intersection(terms(passage.text)) for passage in scored.passages)


if __name__ == "__main__":
    main(sys.argv[1:])
