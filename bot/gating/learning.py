"""From the archive to ``Home.gate``: gather, fit, judge, write; and whether that is up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from bot.gating.calling import callnames
from bot.gating.figures import report, spoken
from bot.gating.fitting import Fitted, fit, parts, too_little
from bot.gating.gathering import Gathered, Watch, gather
from bot.gating.model import GateFile, read_gate
from bot.gating.rivals import necessity, recency
from bot.manner_fit import judged as judged_manner
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Person

_ROW = frozenset({"id", "chat", "score", "spoke", "speaks"})
_TOLD = frozenset({"held_out", "table", "gain", "borders", "calibration", "manner"})


def names_of(me: Person, settings: Settings) -> tuple[str, ...]:
    """What calls @self, for fitting and for the bot alike."""
    return tuple(dict.fromkeys((*settings.talk.names, *callnames(me))))


def learn_gate(
    home: Home, archive: Archive, settings: Settings, watch: Watch, *, anew: bool = False
) -> GateFile:
    """The gate of this archive: the one there is, or where it is older (or ``anew``) a new one.

    A gate without model says why. Raises PersonError where nobody is @self.
    """
    known, revision = read_gate(home), archive.revision
    is_current = known is not None and known.revision == revision
    if known is not None and is_current and not anew and _is_whole(home, known):
        return known
    learned = _learned(home, archive, settings, watch, revision)
    learned.save(home)
    return learned


def held_out(home: Home, chat: str | None = None) -> Iterator[Mapping[str, Any]]:
    """What was made of each held-out message, one row each, in the order they were said."""
    if not home.gate_rows.exists():
        return
    with home.gate_rows.open("rb") as lines:
        for line in lines:
            row = orjson.loads(line)
            if chat is None or row["chat"] == chat:
                yield row


def rows_of(home: Home, known: GateFile) -> Sequence[Mapping[str, Any]] | None:
    """The rows that ``known`` was judged on; None where they are not whole, or of another one."""
    try:
        rows = list(held_out(home))
        wanted = known.report["held_out"]["messages"]
        return rows if len(rows) == wanted and all(row.keys() >= _ROW for row in rows) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_whole(home: Home, known: GateFile) -> bool:
    is_told = known.report.keys() >= _TOLD
    return known.model is None or (is_told and rows_of(home, known) is not None)


def _learned(
    home: Home, archive: Archive, settings: Settings, watch: Watch, revision: int
) -> GateFile:
    home.gate_rows.unlink(missing_ok=True)
    gathered = gather(archive, names_of(archive.me(), settings), watch)
    if why := too_little(gathered.rows):
        return GateFile(revision, None, why_none=why)
    fitted = fit(gathered)
    _write(home.gate_rows, _rows(gathered, fitted))
    told = report(gathered, fitted) | {"manner": judged_manner(archive)}
    return GateFile(revision, fitted.serving, told)


def _rows(gathered: Gathered, fitted: Fitted) -> Iterator[Mapping[str, Any]]:
    """``score`` is the probability that @self answers, ``spoke`` whether @self did."""
    rows, held = gathered.rows, parts(gathered.rows)[2]
    speaks, leans = spoken(rows, fitted), fitted.shares >= fitted.judged.even
    recent, points = recency(rows), necessity(rows)
    for at in held.nonzero()[0].tolist():
        yield {
            "id": rows.ids[at],
            "chat": rows.chats[at],
            "score": round(float(fitted.shares[at]), 6),
            "spoke": bool(rows.answered[at]),
            "speaks": bool(speaks[at]),
            "leans": bool(leans[at]),
            "next": bool(rows.followed[at]),
            "addressed": bool(rows.addressed[at]),
            "recency": float(recent[at]),
            "necessity": round(float(points[at]), 2),
        }


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    partial.replace(path)


def lines_of(report: Mapping[str, Any]) -> Sequence[Sequence[str]]:
    """The table of a report as cells of text."""
    return [
        [
            row["name"],
            _percent(row["balanced"]),
            _number(row["auc"]),
            _number(row["average_precision"]),
            _percent(row["precision"]),
            _percent(row["recall"]),
            _number(row["false_per_day"], 2),
            _percent(row["speaks"]),
            _percent(row["next_balanced"]),
        ]
        for row in report["table"]
    ]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _number(value: float | None, places: int = 3) -> str:
    return "–" if value is None else f"{value:.{places}f}"
