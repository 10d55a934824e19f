"""Sample scenes with everybody side by side, and what memory brought back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.chat import Line
from likeness.records import Attempt, Player, Role, Scene, SceneKind
from likeness.report.naming import MEANINGS
from likeness.report.shown import evenly, shortened
from likeness.report.sources import Sources

MOST_LINES = 7
"""Of what was said before a scene; the end of it is what is answered."""
MOST_CHARACTERS = 500
MOST_PASSAGES, PASSAGE_CHARACTERS = 4, 320
RECALLED = 4
"""Examples of recall."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One line in a chat."""

    handle: str
    text: str
    is_self: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What a player said; ``is_real`` where it was @self in person."""

    name: str
    meaning: str
    parts: tuple[str, ...]
    is_real: bool = False
    is_own: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A scene as the page shows it; ``passages`` and ``wanted`` for what is about memory."""

    id: str
    day: str
    gist: str
    before: tuple[Bubble, ...]
    replies: tuple[Said, ...]
    earlier: int = 0
    passages: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()


def samples(sources: Sources, most: int) -> list[Shown]:
    """At most ``most`` held-out scenes, spread over their time, with everybody's reply."""
    said = _said(sources.attempts)
    held = [scene for scene in sources.scenes if scene.kind is SceneKind.HELD_OUT]
    widest = max((len(said.get(scene.id, {})) for scene in held), default=0)
    whole = [scene for scene in held if widest and len(said.get(scene.id, {})) == widest]
    return [_shown(scene, said[scene.id], sources) for scene in evenly(whole, most)]


def recalled(sources: Sources, most: int = RECALLED) -> list[Shown]:
    """What memory brought back, and what was said with and without it.

    Facts that only memory knew come first, then facts it got wrong, then other scenes.
    """
    version, said = sources.version, _said(sources.attempts)
    ranked = []
    for scene in sources.scenes:
        spoken = said.get(scene.id, {})
        full = spoken.get(Player(Role.FULL, version).name)
        if full and full.passages:
            ranked.append((_interest(scene, spoken, full), scene))
    ranked.sort(key=lambda pair: pair[0])
    return [_remembered(scene, said[scene.id], sources) for _, scene in ranked[:most]]


def _interest(scene: Scene, spoken: dict[str, Attempt], full: Attempt) -> int:
    if scene.kind is not SceneKind.FACT:
        return 3
    others = [each for each in spoken.values() if each.player.role is Role.ADAPTER]
    knew_already = any(_is_right(scene, each) for each in others)
    if not _is_right(scene, full):
        return 1
    return 2 if knew_already else 0


def _remembered(scene: Scene, spoken: dict[str, Attempt], sources: Sources) -> Shown:
    compared = (Player(Role.ADAPTER, sources.version), Player(Role.FULL, sources.version))
    full = spoken[compared[1].name]
    replies = [
        _reply(attempt, sources.version, _mark(scene, attempt))
        for player in compared
        if (attempt := spoken.get(player.name))
    ]
    if scene.real:
        replies.append(_real(scene))
    passages = tuple(shortened(each, PASSAGE_CHARACTERS) for each in full.passages[:MOST_PASSAGES])
    return _scene(scene, tuple(replies), passages)


def _shown(scene: Scene, spoken: dict[str, Attempt], sources: Sources) -> Shown:
    assert sources.rehearsed is not None
    replies = [
        _reply(attempt, sources.version)
        for player in sources.rehearsed.plan.players
        if player.role is not Role.SELF and (attempt := spoken.get(player.name))
    ]
    return _scene(scene, (_real(scene), *replies))


def _scene(scene: Scene, replies: tuple[Said, ...], passages: tuple[str, ...] = ()) -> Shown:
    before = tuple(map(_bubble, scene.before[-MOST_LINES:]))
    gist = shortened(" ".join(before[-1].text.split()), 90) if before else ""
    earlier = max(len(scene.before) - MOST_LINES, 0)
    day = "" if scene.at.year < 1990 else f"{scene.at:%Y-%m-%d}"  # plain logs have no times
    return Shown(scene.id, day, gist, before, replies, earlier, passages, scene.wanted)


def _bubble(line: Line) -> Bubble:
    return Bubble(line.handle, shortened(line.text, MOST_CHARACTERS), line.is_self)


def _reply(attempt: Attempt, version: str, mark: str = "") -> Said:
    player = attempt.player
    parts = tuple(shortened(part, MOST_CHARACTERS) for part in attempt.parts)
    is_own = player.version == version
    return Said(player.name, MEANINGS[player.role], parts, is_own=is_own, mark=mark)


def _real(scene: Scene) -> Said:
    parts = tuple(shortened(part, MOST_CHARACTERS) for part in scene.real)
    return Said("@self, really", MEANINGS[Role.SELF], parts, is_real=True)


def _mark(scene: Scene, attempt: Attempt) -> str:
    if not scene.wanted:
        return ""
    return "right" if _is_right(scene, attempt) else "not in it"


def _is_right(scene: Scene, attempt: Attempt) -> bool:
    """Whether any of the wanted texts is in what was said, whatever the case."""
    said = " ".join(attempt.parts).casefold()
    return any(wanted.casefold() in said for wanted in scene.wanted)


def _said(attempts: Iterable[Attempt]) -> dict[str, dict[str, Attempt]]:
    """Attempts by scene and player's name."""
    found: dict[str, dict[str, Attempt]] = {}
    for attempt in attempts:
        found.setdefault(attempt.scene, {})[attempt.player.name] = attempt
    return found
