"""When @self speaks, and whether the gate does: maps by hour, bars by person, how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from likeness.report import plots
from likeness.report.heard import HOURS, Gain, Habit, Heard, Member, Way, Week
from likeness.report.shown import Cell, Plot, Table, count, drawn, number, text, written

FEW_SEEN = 10
"""Messages of an hour below which its share is an accident."""
MOST_PEOPLE = 12
MOST_POINTS = 24
"""Of the curve, in its table."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """The section: what was found in words, drawings, people, how @self types."""

    sentences: tuple[str, ...]
    plots: tuple[Plot, ...]
    people: Table | None
    manner: Table | None


def speaking(heard: Heard | None, *, with_handles: bool) -> Speaking | None:
    """The section; None where nothing was learned."""
    if heard is None:
        return None
    people = _people(heard.people) if with_handles else None
    return Speaking(
        tuple(_sentences(heard)),
        tuple(_plots(heard)),
        people,
        _manner(heard.habits),
    )


def _sentences(heard: Heard) -> Iterator[str]:
    if heard.messages:
        since = f" since {heard.since}" if heard.since else ""
        yield (
            f"The gate was tried on {heard.messages:,} messages{since} that it did not learn "
            f"from; @self answered {heard.answered:,} of them "
            f"({written(heard.answered / heard.messages, '%')})."
        )
    if heard.ways:
        ours = heard.ways[0]
        yield (
            f"It tells when to answer with a balanced accuracy of "
            f"{written(ours.balanced_accuracy, '%')}, where guessing has 50%"
            f"{', '.join(('', *map(_above, heard.gains or _gain(heard.ways))))}."
        )


def _above(gain: Gain) -> str:
    way = "above" if gain.value >= 0 else "below"
    interval = ""
    if gain.low is not None and gain.high is not None:
        interval = f" ({100 * gain.low:.0f} to {100 * gain.high:.0f})"
    return f"{100 * abs(gain.value):.0f} points{interval} {way} the {_the(gain.over)}"


def _the(name: str) -> str:
    return name.removeprefix("the ")


def _gain(ways: Sequence[Way]) -> list[Gain]:
    """Over the best of those that are not the gate itself in another guise."""
    others = [way for way in ways if not way.name.startswith(ways[0].name)]
    best = max(others, key=lambda way: way.balanced_accuracy, default=None)
    if best is None:
        return []
    return [Gain(best.name, ways[0].balanced_accuracy - best.balanced_accuracy, None, None)]


def _plots(heard: Heard) -> Iterator[Plot]:
    if heard.week:
        yield from _maps(*heard.week)
    if heard.ways:
        yield _ways(heard.ways)
    if heard.calibration:
        yield _calibration(heard.calibration)
    if heard.roc:
        yield _roc(heard.roc, heard.ways)


def _maps(answered: Week, seen: Week) -> Iterator[Plot]:
    most, total = max(map(max, answered)), sum(map(sum, seen))
    yield Plot(
        "When @self answers",
        f"answers by weekday and hour (UTC); the strongest square is {most:,}",
        drawn(plots.heat(answered)),
        _by_hour("hours-answered", answered, ""),
    )
    shares = [
        [
            said / heard if heard >= FEW_SEEN else None
            for said, heard in zip(answered[day], seen[day], strict=True)
        ]
        for day in range(7)
    ]
    darkest = max((share for day in shares for share in day if share is not None), default=0)
    yield Plot(
        "How readily",
        f"share answered of {total:,} messages by weekday and hour (UTC); the strongest square is "
        f"{written(darkest, '%')}, hours with fewer than {FEW_SEEN} messages are empty",
        drawn(plots.heat(shares)),
        _by_hour("hours-share", shares, "%"),
    )


def _by_hour(id: str, values: Sequence[Sequence[float | None]], unit: str) -> Table:
    rows = tuple(
        (text(f"{hour:02}:00"), *(number(values[day][hour], unit) for day in range(7)))
        for hour in range(HOURS)
    )
    return Table(id, ("hour", *plots.DAYS), rows)


def _ways(ways: Sequence[Way]) -> Plot:
    values = {way.name: way.balanced_accuracy for way in ways}
    columns = ("who", "balanced accuracy", "AUC", "average precision", "precision", "recall",
               "false a day")  # fmt: skip
    rows = tuple(
        (
            text(way.name), number(way.balanced_accuracy, "%"), number(way.auc),
            number(way.average_precision), number(way.precision, "%"), number(way.recall, "%"),
            number(way.false_per_day),
        )
        for way in ways
    )  # fmt: skip
    return Plot(
        "Against rules of thumb",
        "balanced accuracy: being right where @self spoke, and where @self did not, alike; "
        "dashed: guessing",
        drawn(plots.bars(values, _own(ways), line=0.5)),
        Table("gate-methods", columns, rows),
        (("the learned gate", "--second"), ("rules", "--first")),
    )


def _own(ways: Sequence[Way]) -> list[str]:
    return [way.name for way in ways if way.name.startswith(ways[0].name)]


def _calibration(points: Sequence[tuple[float, float, int]]) -> Plot:
    rows = tuple((number(s, "%"), number(share, "%"), count(n)) for s, share, n in points)
    total = sum(messages for *_, messages in points)
    return Plot(
        "Does it mean what it says?",
        f"of messages it scored so, that many were answered; on the dashed line it is right; "
        f"{total:,} messages",
        drawn(plots.calibration(points)),
        Table("gate-calibration", ("score", "answered", "messages"), rows),
    )


def _roc(points: Sequence[tuple[float, float]], ways: Sequence[Way]) -> Plot:
    area = f"; area {written(ways[0].auc)}" if ways and ways[0].auc else ""
    step = max(1, len(points) // MOST_POINTS)
    rows = tuple((number(false, "%"), number(right, "%")) for false, right in points[::step])
    return Plot(
        "Bolder or shyer",
        f"what answering more often would cost; dashed: guessing{area}",
        drawn(plots.roc(points)),
        Table("gate-roc", ("wrongly answered", "rightly answered"), rows),
    )


def _people(people: Sequence[Member]) -> Table | None:
    """Bars in the page itself: names are in every script, and browsers have the fonts."""
    shown = sorted(people, key=lambda each: -each.seen)[:MOST_PEOPLE]
    shares = [each.answered / max(each.seen, 1) for each in shown]
    most = max(shares, default=0) or 1
    rows = tuple(
        (
            Cell(f"@{each.handle}", each.handle, share=share / most),
            number(share, "%"),
            count(each.answered),
            count(each.seen),
        )
        for each, share in zip(shown, shares, strict=True)
    )
    return Table("people", ("who", "share", "answered", "seen"), rows) if rows else None


def _manner(habits: Sequence[Habit]) -> Table | None:
    """How @self types, and how the bot does."""
    rows = tuple(
        (
            text(each.name),
            *(number(v and round(v)) for v in (each.median, each.fitted, each.observed)),
        )
        for each in habits
    )
    return Table("manner", ("median", "@self", "the bot", "of"), rows) if rows else None
