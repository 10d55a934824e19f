"""Players that pick something once said: another member's reply, past ones of @self, the real one.

MEMBER   floor: another member than who asked, as near in time as possible, each reply once
RANDOM   any reply of @self from before the period, in the same chat, each once while there are some
NEAREST  the reply @self gave before the period to what was most like what is asked now
SELF     ceiling: what @self really said
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from random import Random
from typing import TYPE_CHECKING

from bot.responder import QUERY_LINES
from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Line, Message
from ingest.clean import is_noise, is_unlearnable
from ingest.prompt import line_of
from ingest.redaction.redact import redactor_for
from ingest.terms import terms
from ingest.threads import BURST
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
    """What another member said to somebody, in one go: ``ids`` and texts of its messages."""

    chat: str
    handle: str
    at: datetime
    ids: tuple[str, ...]
    texts: tuple[str, ...]


def attempts_of(
    player: Player,
    scenes: Sequence[Scene],
    settings: Settings,
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
            found = list(_members(player, real, tuple(said_by_others(archive, settings, period))))
        case Role.RANDOM:
            found = list(_random(player, real, period.past, seed))
        case _:
            facts = [scene for scene in scenes if scene.kind is SceneKind.FACT]
            found = list(_nearest(player, [*real, *facts], period.past, closest))
    return found


def said_by_others(archive: Archive, settings: Settings, period: Period) -> Iterator[Said]:
    """What others said to somebody in the period, burst by burst, redacted as @self's replies are.

    To somebody: it replies, mentions, or follows within BURST what another person said.
    """
    redact, me = redactor_for(settings.ingest), archive.me().handle
    for chat in period.chats:
        stream = archive.messages(chat, after=period.start, before=period.end)
        heard = (message for message in stream if is_noise(message) is None)
        last: Message | None = None
        for _, group in groupby(heard, key=lambda message: message.person.id):
            burst = list(group)
            first = burst[0]
            is_near = last is not None and first.sent_at - last.sent_at <= BURST
            is_to_somebody = bool(first.reply_to or first.mentions or is_near)
            last = burst[-1]
            kept = [one for one in _in_one_go(burst) if is_unlearnable(one) is None]
            if kept and is_to_somebody and not first.person.is_self:
                lines = (line_of(one, me=me) for one in kept)
                clean = settings.ingest.redact
                texts = (redact(line.text, Counter()) if clean else line.text for line in lines)
                ids = tuple(one.id for one in kept)
                yield Said(chat, line_of(first, me=me).handle, first.sent_at, ids, tuple(texts))


def _in_one_go(burst: Sequence[Message]) -> Iterator[Message]:
    """The messages of a burst up to its first pause."""
    yield burst[0]
    for earlier, later in pairwise(burst):
        if later.sent_at - earlier.sent_at > BURST:
            return
        yield later


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


def _as_was(scene: Scene, player: Player, exchange: Exchange) -> Attempt:
    times = [scene.before[-1].sent_at, scene.at, *(line.sent_at for line in exchange.reply[1:])]
    delays = ((b - a).total_seconds() for a, b in pairwise(times) if a and b)
    return Attempt(scene.id, player, scene.real, source=exchange.id, delays=tuple(delays))


def _members(player: Player, scenes: Sequence[Scene], replies: Sequence[Said]) -> Iterator[Attempt]:
    taken: set[str] = set()
    for scene in scenes:
        shown = {line.message_id for line in scene.before}
        may = [one for one in replies if one.chat == scene.chat and shown.isdisjoint(one.ids)]
        others = [one for one in may if one.handle != scene.before[-1].handle] or may
        free = [one for one in others if one.ids[0] not in taken] or others
        if free:
            nearest = min(free, key=lambda one: abs(one.at - scene.at))
            taken.add(nearest.ids[0])
            yield Attempt(scene.id, player, nearest.texts, source=nearest.ids[0])


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
    """What @self said before in the chat of a scene: never what was said in another."""
    return [one for one in past if one.chat == scene.chat]


def _words(lines: Sequence[Line]) -> str:
    """What the asker said last: others' lines in between are of other things."""
    near = lines[-QUERY_LINES:]
    return "\n".join(line.text for line in near if line.handle == lines[-1].handle)


def _again(scene: Scene, player: Player, exchange: Exchange) -> Attempt:
    return Attempt(scene.id, player, exchange.texts, source=exchange.id)
