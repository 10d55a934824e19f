"""When @self speaks, and whether the gate does: maps by hour, bars by person, how sure it is.

Read from the report the gate's fitting leaves behind; whatever of it is not there is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from likeness.report import plots
from likeness.report.shown import Cell, Plot, Table, count, drawn, number, text, written

FEW_SEEN = 10
"""Messages of an hour below which its share is an accident."""
MOST_PEOPLE = 12
METHOD_COLUMNS = (
    ("balanced accuracy", "balanced_accuracy", "%"), ("AUC", "auc", ""),
    ("average precision", "average_precision", ""), ("precision", "precision", "%"),
    ("recall", "recall", "%"), ("false a day", "false_per_day", ""),
)  # fmt: skip

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Speaking:
    """The section: what was found in words, how the gate compares, drawings, people, manner."""

    sentences: tuple[str, ...]
    plots: tuple[Plot, ...]
    people: Table | None
    manner: Table | None


def speaking(report: Found, *, with_handles: bool) -> Speaking | None:
    """The section; None where nothing was learned."""
    if not report:
        return None
    people = _people(report.get("people") or []) if with_handles else None
    return Speaking(
        tuple(_sentences(report)), tuple(_plots(report)), people, _manner(report.get("manner"))
    )


def _sentences(report: Found) -> Iterator[str]:
    held = report.get("held_out") or {}
    if held.get("messages"):
        since = f" since {str(held['from'])[:10]}" if held.get("from") else ""
        yield (
            f"@self answered {held['answered']:,} of the {held['messages']:,} messages{since} "
            f"({written(held['answered'] / held['messages'], '%')}) that the gate did not learn "
            "from and was tried on."
        )
    methods = report.get("methods") or []
    if len(methods) > 1:
        ours, best = methods[0], max(methods[1:], key=lambda each: each["balanced_accuracy"])
        gap = 100 * (ours["balanced_accuracy"] - best["balanced_accuracy"])
        yield (
            f"It tells when to answer with a balanced accuracy of "
            f"{written(ours['balanced_accuracy'], '%')} (50% is guessing), {abs(gap):.0f} points "
            f"{'above' if gap >= 0 else 'below'} the best rule of thumb ({best['name']})."
        )


def _plots(report: Found) -> Iterator[Plot]:
    hours = report.get("hours") or {}
    if hours.get("answered") and hours.get("seen"):
        yield from _maps(hours["answered"], hours["seen"])
    if report.get("methods"):
        yield _methods(report["methods"])
    if report.get("calibration"):
        yield _calibration(report["calibration"])
    if report.get("roc"):
        yield _roc(report["roc"], report.get("methods") or [])


def _maps(answered: Sequence[Sequence[int]], seen: Sequence[Sequence[int]]) -> Iterator[Plot]:
    most, total = max(map(max, answered)), sum(map(sum, seen))
    yield Plot(
        "When @self answers",
        f"answers by weekday and hour, local time; the darkest square is {most:,}",
        drawn(plots.heat(answered)),
        _by_hour("hours-answered", answered, ""),
    )
    shares = [
        [said / all_seen if all_seen >= FEW_SEEN else None for said, all_seen in zip(*day, strict=True)]
        for day in zip(answered, seen, strict=True)
    ]  # fmt: skip
    darkest = max((share for day in shares for share in day if share is not None), default=0)
    yield Plot(
        "How readily",
        f"share of {total:,} messages that were answered; the darkest square is "
        f"{written(darkest, '%')}, hours with fewer than {FEW_SEEN} messages are empty",
        drawn(plots.heat(shares)),
        _by_hour("hours-share", shares, "%"),
    )


def _by_hour(id: str, values: Sequence[Sequence[float | None]], unit: str) -> Table:
    columns = ("hour", *plots.DAYS)
    rows = tuple(
        (text(f"{hour:02}:00"), *(number(values[day][hour], unit) for day in range(7)))
        for hour in range(24)
    )
    return Table(id, columns, rows)


def _methods(methods: Sequence[Found]) -> Plot:
    names = [str(each["name"]) for each in methods]
    values = {
        name: float(each["balanced_accuracy"]) for name, each in zip(names, methods, strict=True)
    }
    rows = tuple(
        (text(name), *(number(each.get(key), unit) for _, key, unit in METHOD_COLUMNS))
        for name, each in zip(names, methods, strict=True)
    )
    return Plot(
        "Against rules of thumb",
        "balanced accuracy: the mean of being right where @self spoke and where @self did not",
        drawn(plots.bars(values, names[0], "balanced accuracy; dashed: guessing", line=0.5)),
        Table("gate-methods", ("who", *(title for title, *_ in METHOD_COLUMNS)), rows),
        (("the learned gate", "--second"), ("rules", "--first")),
    )


def _calibration(points: Sequence[Found]) -> Plot:
    triples = [(float(p["score"]), float(p["share"]), int(p["count"])) for p in points]
    rows = tuple((number(s, "%"), number(share, "%"), count(n)) for s, share, n in triples)
    total = sum(n for *_, n in triples)
    return Plot(
        "Does it mean what it says?",
        f"of messages it scored so, that many were answered; on the dashed line it is right; "
        f"{total:,} messages, larger dots are more of them",
        drawn(plots.calibration(triples)),
        Table("gate-calibration", ("score", "answered", "messages"), rows),
    )


def _roc(points: Sequence[Sequence[float]], methods: Sequence[Found]) -> Plot:
    pairs = [(float(false), float(true)) for false, true in points]
    area = f"; area {written(methods[0]['auc'])}" if methods and methods[0].get("auc") else ""
    rows = tuple((number(false, "%"), number(true, "%")) for false, true in pairs)
    return Plot(
        "Bolder or shyer",
        f"what answering more often would cost; dashed: guessing{area}",
        drawn(plots.roc(pairs)),
        Table("gate-roc", ("wrongly answered", "rightly answered"), rows),
    )


def _people(people: Sequence[Found]) -> Table | None:
    """Bars in the page itself: names are in every script, and browsers have the fonts."""
    shown = sorted(people, key=lambda each: -each["seen"])[:MOST_PEOPLE]
    shares = [each["answered"] / max(each["seen"], 1) for each in shown]
    most = max(shares, default=0) or 1
    rows = tuple(
        (
            Cell(f"@{each['handle']}", str(each["handle"]), share=share / most),
            number(share, "%"), count(each["answered"]), count(each["seen"]),
        )
        for each, share in zip(shown, shares, strict=True)
    )  # fmt: skip
    return Table("people", ("who", "share", "answered", "seen"), rows) if rows else None


def _manner(manner: object) -> Table | None:
    """How @self types, where the gate fitted it: plain numbers by name."""
    if not isinstance(manner, Mapping):
        return None
    rows = tuple(
        (text(str(name).replace("_", " ")), number(float(value)))
        for name, value in manner.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    )
    return Table("manner", ("how @self types", "value"), rows) if rows else None
