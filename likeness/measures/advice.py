"""What to do next, from what was measured; every line cites its figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from config.settings import Settings
from likeness.measured import Figure
from likeness.measures.played import Sheet
from likeness.measures.taken import Drawn, Table
from likeness.measures.taking import Measuring
from likeness.records import Plan, Player, Role, SceneKind

WIDE = 0.12
"""Half of an interval of likeness beyond which models are hard to tell apart."""
ENOUGH = 400
"""Scenes that are proposed where there are too few."""
LEAST_CLUSTERS = 10
"""Independent conversations below which no difference is called sure."""
LEAST_REPLIES = 10
"""Replies of a chat below which nothing is said about it."""
_FAULTS = {
    "leakage": "look at the raw replies in the report; train longer, or on a base with a template",
    "looping": "raise generate.repeat_penalty, or train fewer epochs",
    "empty": "look at the raw replies in the report; raise generate.max_new_tokens",
    "copying": "it recites: lower train.epochs, or train on more messages",
}


def advice_of(found: Measuring, plan: Plan, settings: Settings) -> tuple[str, ...]:
    """Lines of advice, the most telling first."""
    lines = [
        *_too_few(found),
        *_training(found),
        *_memory(found, settings),
        *_parrots(found),
        *_faulty(found),
        *_knowing(found),
        *_weak_chats(found, plan.seed),
    ]
    return tuple(dict.fromkeys(lines))


def said(figure: Figure, *, unit: str = "") -> str:
    """A difference as it is cited: ``+0.12, from +0.03 to +0.20``."""
    ends = (figure.value, figure.low, figure.high)
    value, low, high = (None if each is None else _signed(each, unit) for each in ends)
    points = f"{value} points" if unit == "%" else value
    if low is None or high is None:
        return f"{points}, too few to say how surely"
    return f"{points}, from {low} to {high}"


def _signed(value: float, unit: str) -> str:
    text = f"{100 * value:+.0f}" if unit == "%" else f"{value:+.2f}"
    return text.replace("-", "−") if float(text) else text[1:]


def _bare(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _model(found: Measuring, role: Role) -> Player | None:
    """The player of a role; of several versions the first in the plan."""
    sheet = found.sheets[SceneKind.HELD_OUT]
    return next((player for player in sheet.players if player.role is role), None)


def _best(found: Measuring) -> Player | None:
    return _model(found, Role.FULL) or _model(found, Role.ADAPTER)


def _gap(found: Measuring, one: Player | None, other: Player | None, key: str = "") -> Drawn | None:
    """The paired difference by a measure, or in likeness where none is named."""
    taken = found.get(key)
    drawn = found.likeness if not key else taken.drawn if taken else {}
    if one is None or other is None or not {one.name, other.name} <= set(drawn):
        return None
    return drawn[one.name].minus(drawn[other.name])


def _too_few(found: Measuring) -> Iterator[str]:
    best, sheet = _best(found), found.sheets[SceneKind.HELD_OUT]
    replies = len(sheet.scenes)
    again = f"run with --scenes {max(ENOUGH, 2 * replies)}, where so many were held out"
    if not found.likeness:
        yield f"@self and another member cannot be told apart here ({replies} replies): {again}"
    if best is None or best.name not in found.likeness:
        return
    figure = found.likeness[best.name].figure()
    if figure.low is None or figure.high is None:
        yield f"too few scenes to tell ({figure.clusters} conversations): {again}"
    elif (figure.high - figure.low) / 2 > WIDE:
        yield (
            f"too few scenes to tell models apart: likeness is {_bare(figure.value)}, "
            f"from {_bare(figure.low)} to {_bare(figure.high)}, on {figure.replies} replies; "
            f"{again}"
        )


def _training(found: Measuring) -> Iterator[str]:
    """Whether training is worth more than a prompt with examples and memory."""
    drawn = _gap(found, _best(found), _model(found, Role.PROMPTED))
    if drawn is None:
        return
    figure = drawn.figure()
    if _is_sure(figure, above=True):
        yield f"training is worth it: likeness {said(figure)} against the base, prompted"
    elif _is_sure(figure, above=False):
        yield f"the base, prompted, is more like @self: likeness {said(figure)}; train longer"
    else:
        few = f", of {figure.clusters} conversations" if figure.clusters < LEAST_CLUSTERS else ""
        yield f"no sure gain of training over a prompt: likeness {said(figure)}{few}"


def _memory(found: Measuring, settings: Settings) -> Iterator[str]:
    """What memory adds to the trained model."""
    full, adapter = _model(found, Role.FULL), _model(found, Role.ADAPTER)
    if full is None or adapter is None or full.version != adapter.version:
        return
    for key, what, unit in (("facts", "facts said once", "%"), ("", "likeness", "")):
        drawn = _gap(found, full, adapter, key)
        if drawn is None:
            continue
        figure = drawn.figure()
        if _is_sure(figure, above=True):
            yield f"memory helps here: {what} {said(figure, unit=unit)}; keep the index fresh"
        elif _is_sure(figure, above=False):
            passages = f"recall.passages (now {settings.recall.passages})"
            yield f"memory hurts here: {what} {said(figure, unit=unit)}; lower {passages}"
        elif key:
            yield f"memory makes no sure difference to {what}: {said(figure, unit=unit)}"


def _parrots(found: Measuring) -> Iterator[str]:
    """Whether repeating something @self once said would do."""
    for role in (Role.RANDOM, Role.NEAREST):
        drawn = _gap(found, _best(found), _model(found, role))
        if drawn is not None and _is_sure(drawn.figure(), above=False):
            yield f"no match for a {role} of @self: likeness {said(drawn.figure())}; train longer"
            return


def _faulty(found: Measuring) -> Iterator[str]:
    """Faults that @self does not have, or not as often."""
    own = _model(found, Role.SELF)
    for key, remedy in _FAULTS.items():
        drawn = _gap(found, _best(found), own, key)
        taken = found.get(key)
        if drawn is not None and taken is not None and _is_sure(drawn.figure(), above=True):
            figure = said(drawn.figure(), unit="%")
            yield f"{taken.title} more often than @self: {figure}; {remedy}"


def _knowing(found: Measuring) -> Iterator[str]:
    """Whether it claims to know what it cannot, more than the base does."""
    taken, best = found.get("abstention"), _best(found)
    if taken is None or best is None or best.name not in taken.drawn:
        return
    figure = taken.drawn[best.name].figure()
    if figure.high is not None and figure.high < 0.5:
        yield (
            f"invents things about strangers: admits not to know {figure.value:.0%} of the time "
            f"({figure.replies} questions); raise dataset.contrast_share"
        )


def _weak_chats(found: Measuring, seed: int) -> Iterator[str]:
    """The chat whose real replies surprise the model most, where that is sure."""
    sheet, best = found.sheets[SceneKind.HELD_OUT], _best(found)
    chats = Counter(scene.chat for scene in sheet.scenes)
    if best is None or len(chats) < 2:
        return
    table = Table.of(sheet, seed)
    gaps = {
        chat: _apart(table, sheet, best, chat)
        for chat, count in chats.items()
        if count >= LEAST_REPLIES and count < len(sheet.scenes)
    }
    worst = max(gaps, key=lambda chat: gaps[chat].value, default=None)
    if worst is not None and _is_sure(gaps[worst].figure(), above=True):
        yield (
            f"more data from {worst}: its real replies surprise the model most, "
            f"{said(gaps[worst].figure())} nats per byte against the rest"
        )


def _apart(table: Table, sheet: Sheet, player: Player, chat: str) -> Drawn:
    """Nats per byte in a chat minus those elsewhere."""
    sides = []
    for is_here in (True, False):
        rows = [
            (each.nats or 0.0, float(each.bytes))
            if each.nats is not None and (scene.chat == chat) is is_here
            else (0.0, 0.0)
            for scene, each in zip(sheet.scenes, sheet.said[player.name], strict=True)
        ]
        sides.append(table.ratio([top for top, _ in rows], [bottom for _, bottom in rows]))
    return sides[0].minus(sides[1])


def _is_sure(figure: Figure, *, above: bool) -> bool:
    """Whether the interval leaves out none; of a handful of conversations it is not trusted."""
    if figure.low is None or figure.high is None or figure.clusters < LEAST_CLUSTERS:
        return False
    return figure.low > 0 if above else figure.high < 0
