"""Players that pick something once said: another member's reply, past ones of @self, the real one.

MEMBER   floor: another member, nearest in time, in the held-out period, each reply once
RANDOM   any reply of @self from before the period, in the same chat, each once while there are some
NEAREST  the reply @self gave before the period to what was most like what is asked now
SELF     ceiling: what @self really said
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from random import Random
from typing import TYPE_CHECKING

from bot.responder import QUERY_LINES
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Line, WindowKind
from ingest.clean import is_noise, is_unlearnable
from ingest.dataset.manifest import read_windows
from ingest.terms import terms
from likeness.records import Attempt, Player, Role, Scene, SceneKind
from likeness.rehearsal.period import Exchange, Period
from likeness.rehearsal.scenes import scene_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.embedding.protocol import Embedder

    Closeness = NDArray[np.floating]

Closest = Callable[[Sequence[str]], Callable[[str], "Closeness"]]
"""Learns some texts, and then tells how close each is to one more; higher is closer."""


@dataclass(frozen=True, slots=True)
class Said:
    """What another member said to somebody, in one go."""

    chat: str
    handle: str
    at: datetime
    lines: tuple[Line, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Its messages."""
        return tuple(line.text for line in self.lines)


def attempts_of(
    player: Player,
    scenes: Sequence[Scene],
    home: Home,
    archive: Archive,
    period: Period,
    seed: int,
    closest: Closest,
) -> list[Attempt]:
    """What a player of rules says; scenes in which it has nothing to say are left out."""
    real = [scene for scene in scenes if scene.kind is SceneKind.HELD_OUT]
    match player.role:
        case Role.SELF:
            known = {scene_id(one.id): one for one in period.held_out}
            found = [_as_was(scene, player, known[scene.id]) for scene in real]
        case Role.MEMBER:
            found = list(_members(player, real, tuple(said_by_others(home, archive))))
        case Role.RANDOM:
            found = list(_random(player, real, period.past, seed))
        case _:
            facts = [scene for scene in scenes if scene.kind is SceneKind.FACT]
            found = list(_nearest(player, [*real, *facts], period.past, closest))
    return found


def said_by_others(home: Home, archive: Archive) -> Iterator[Said]:
    """What others said to somebody in held-out threads: anything but a thread's first lines."""
    for window in read_windows(home.dataset / "test.jsonl"):
        if window.kind is not WindowKind.REPLY:
            continue
        lines = [line for turn in window.turns for line in turn.lines if line.message_id]
        fit = _learnable(archive, lines)
        bursts = [tuple(burst) for _, burst in groupby(lines, key=lambda line: line.handle)]
        for burst in bursts[1:]:
            kept = tuple(line for line in burst if line.message_id in fit)
            if kept and not burst[0].is_self and kept[0].sent_at is not None:
                yield Said(window.chat, burst[0].handle, kept[0].sent_at, kept)


def by_words(texts: Sequence[str]) -> Callable[[str], Closeness]:
    """Closeness by shared terms, the rare ones counting most (cosine of TF-IDF)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=_terms, sublinear_tf=True)
    known = vectorizer.fit_transform(texts)
    return lambda asked: (known @ vectorizer.transform([asked]).T).toarray().ravel()


def by_meaning(embedder: Embedder) -> Closest:
    """Closeness by the vectors of an embedder (cosine)."""

    def learn(texts: Sequence[str]) -> Callable[[str], Closeness]:
        known = embedder.embed_passages(texts)
        return lambda asked: known @ embedder.embed_queries([asked])[0]

    return learn


def _terms(text: str) -> list[str]:
    return list(terms(text)) or [""]


def _learnable(archive: Archive, lines: Sequence[Line]) -> set[str]:
    found = archive.get(line.message_id for line in lines)
    return {one.id for one in found if is_noise(one) is None and is_unlearnable(one) is None}


def _as_was(scene: Scene, player: Player, exchange: Exchange) -> Attempt:
    times = [scene.before[-1].sent_at, scene.at, *(line.sent_at for line in exchange.reply[1:])]
    delays = ((b - a).total_seconds() for a, b in pairwise(times) if a and b)
    return Attempt(scene.id, player, scene.real, source=exchange.id, delays=tuple(delays))


def _members(player: Player, scenes: Sequence[Scene], replies: Sequence[Said]) -> Iterator[Attempt]:
    taken: set[str] = set()
    for scene in scenes:
        near = sorted(_others(scene, replies), key=lambda one: abs(one.at - scene.at))
        free = [one for one in near if one.lines[0].message_id not in taken]
        for one in (free or near)[:1]:
            id = one.lines[0].message_id
            taken.add(id)
            yield Attempt(scene.id, player, one.texts, source=id)


def _others(scene: Scene, replies: Sequence[Said]) -> Iterator[Said]:
    """What may stand in: said in the same chat, not shown in the scene, not by who asked."""
    shown = {line.message_id for line in scene.before}
    asker = scene.before[-1].handle
    for one in replies:
        is_shown = any(line.message_id in shown for line in one.lines)
        if one.chat == scene.chat and one.handle != asker and not is_shown:
            yield one


def _random(
    player: Player, scenes: Sequence[Scene], past: Sequence[Exchange], seed: int
) -> Iterator[Attempt]:
    dice = Random(f"random reply {seed}")
    decks: dict[str, list[Exchange]] = {}
    for scene in scenes:
        deck = decks.setdefault(scene.chat, [])
        if not deck:
            deck += _known(scene, past)
            dice.shuffle(deck)
        if deck:
            yield _again(scene, player, deck.pop())


def _nearest(
    player: Player, scenes: Sequence[Scene], past: Sequence[Exchange], closest: Closest
) -> Iterator[Attempt]:
    for _, members in groupby(sorted(scenes, key=lambda one: one.chat), key=lambda one: one.chat):
        asked = list(members)
        pool = _known(asked[0], past)
        if not pool:
            continue
        close_to = closest([_words(one.asked) for one in pool])
        for scene in asked:
            scores = close_to(_words(scene.before))
            best = max(range(len(pool)), key=lambda at: (scores[at], pool[at].at))
            yield _again(scene, player, pool[best])


def _known(scene: Scene, past: Sequence[Exchange]) -> list[Exchange]:
    """What @self said before in the chat of a scene; anywhere, where that is no chat."""
    same = [one for one in past if one.chat == scene.chat]
    return same or (list(past) if scene.kind is not SceneKind.HELD_OUT else [])


def _words(lines: Sequence[Line]) -> str:
    return "\n".join(line.text for line in lines[-QUERY_LINES:])


def _again(scene: Scene, player: Player, exchange: Exchange) -> Attempt:
    return Attempt(scene.id, player, exchange.texts, source=exchange.id)
