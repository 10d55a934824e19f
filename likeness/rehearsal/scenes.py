"""Scenes of a rehearsal: moments of the held-out period at which @self answered somebody.

The period is walked message by message. A scene shows what the bot's room would have shown: the
latest lines before the reply, with the last line of the asker's burst at their end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from bot.rooms import LINES
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Message
from ingest.clean import is_noise
from ingest.prompt import line_of
from likeness.records import Scene, SceneKind
from likeness.rehearsal.gating import Listening, gate_report, scorer_of
from likeness.rehearsal.period import Exchange, Period
from likeness.rehearsal.stream import Moment, burst_of, cluster_of, moments


@dataclass(frozen=True, slots=True)
class Staged:
    """The scenes of a period, and what the gate would have done in it (``gate.json``)."""

    scenes: tuple[Scene, ...]
    gate: dict[str, object]


def stage(
    home: Home, settings: Settings, archive: Archive, period: Period, *, scenes: int, seed: int
) -> Staged:
    """Walk the period once: ``scenes`` of its replies, spread over all of it, and the gate."""
    wanted = {one.id for one in spread(period.held_out, scenes, seed)}
    chats = {chat.id: chat for chat in archive.chats()}
    scorer = scorer_of(home)
    found: list[Scene] = []
    heard: list[Listening] = []
    for chat in (chats[id] for id in period.chats if id in chats):
        listening = Listening.of(chat, archive, settings, scorer)
        topics = topics_of(home, archive, chat.id, period)
        found += _scenes(archive, period, wanted, listening, topics)
        heard.append(listening)
    found.sort(key=lambda scene: (scene.at, scene.id))
    ids = {id: scene_id(id) for id in wanted}
    return Staged(tuple(found), gate_report(heard, ids) if heard else {})


def spread(replies: Sequence[Exchange], count: int, seed: int) -> list[Exchange]:
    """``count`` of them from the whole period: one by lot from each of as many equal parts."""
    if len(replies) <= count:
        return list(replies)
    dice = Random(f"scenes {seed}")
    borders = [number * len(replies) // count for number in range(count + 1)]
    return [replies[dice.randrange(start, end)] for start, end in pairwise(borders)]


def scene_id(reply: str) -> str:
    """What the scene of a reply is called, by the reply's first message."""
    return f"{SceneKind.HELD_OUT}:{reply}"


def topics_of(home: Home, archive: Archive, chat: str, period: Period) -> Mapping[str, str]:
    """Which parts of a chat its messages are of, as far as the bot heard them itself."""
    if not home.state.is_file():
        return {}
    from bot.journal import Journal

    earlier = archive.history(chat, before=period.start, limit=2 * LINES)
    during = archive.messages(chat, after=period.start)
    with Journal(home.state) as journal:
        return journal.topics(message.id for message in (*earlier, *during))


def _scenes(
    archive: Archive,
    period: Period,
    wanted: Collection[str],
    listening: Listening,
    topics: Mapping[str, str],
) -> list[Scene]:
    chat = listening.chat
    replies = {one.id: one for one in period.held_out if one.chat == chat.id}
    found = []
    for moment in moments(archive, chat.id, period.start, period.end, topics):
        listening.hear(moment)
        exchange = replies.get(moment.message.id)
        if exchange is None:
            continue
        listening.answers(exchange.id, moment, exchange.asked[-1].message_id)
        before = seen(archive, moment, exchange) if exchange.id in wanted else []
        if before:
            found.append(_scene(moment, exchange, before, cluster_of(chat, moment), listening))
    return found


def _scene(
    moment: Moment,
    exchange: Exchange,
    before: Sequence[Message],
    cluster: str,
    listening: Listening,
) -> Scene:
    return Scene(
        scene_id(exchange.id),
        SceneKind.HELD_OUT,
        exchange.chat,
        moment.message.sent_at,
        tuple(line_of(message, me=listening.me.handle) for message in before),
        real=exchange.texts,
        cluster=cluster,
    )


def seen(archive: Archive, moment: Moment, exchange: Exchange) -> list[Message]:
    """The room before a reply, ending as the bot's does: with the last line of what it answers.

    Empty where the archive no longer holds the answered message.
    """
    asked = exchange.asked[-1].message_id
    lines = [message for message in moment.room if is_noise(message) is None]
    answered = burst_of(lines, asked)[-1:] or archive.get([asked])
    return [*(one for one in lines if answered and one.id != answered[0].id), *answered]
