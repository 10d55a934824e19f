"""``atself gate``: learn when @self speaks, and show how well that is known."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.console import emit_table, home_option, json_option, say, stdout, track

if TYPE_CHECKING:
    from bot.gating.model import GateFile
    from ingest.chat import Message

EXAMPLES = """\b
Examples:
  atself gate                     learn it where the archive has changed, and show how it does
  atself gate --fit               learn it anew
  atself gate --json | jq -c 'select(.spoke)'

\b
With --json one row a line for each message of others in the last tenth, oldest first:
  {"id": …, "chat": …, "score": probability that @self answers it, "spoke": whether @self did,
   "speaks": whether the bot would at talk.threshold 0.5, "leans": the same at the border of the
   best balanced accuracy, "next": whether @self's was the next message within an hour,
   "addressed", "recency", "necessity": what simple rules say}
"""
COLUMNS = (
    "", "balanced %", "AUC", "AP", "precision %", "recall %", "false/day", "speaks %", "next %",
)  # fmt: skip


@click.command(epilog=EXAMPLES)
@click.option("--fit", "anew", is_flag=True, help="Learn anew, changed or not.")
@click.option("--chat", metavar="ID", help="With --json, rows of this chat only.")
@home_option
@json_option
def gate(anew: bool, chat: str | None, home: Path, as_json: bool) -> None:
    """Learn from the archive when @self speaks, and compare that with simple rules.

    Fitted to the first nine tenths of the messages and judged on the last; then fitted again to
    everything for the bot, which uses it from its next start or /reload on.
    """
    from bot.gating.learning import held_out, learn_gate
    from config.settings import Home, load
    from ingest.archive import Archive

    if chat is not None and not as_json:
        raise click.UsageError("--chat chooses among the rows of --json; figures are of all chats")
    place, settings = Home(home), load(home)
    with Archive.open(place.archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        if chat is not None and chat not in archive.chat_counts():
            raise click.UsageError(f"--chat {chat}: no such chat in the archive")
        known = learn_gate(place, archive, settings, _watched, anew=anew)
    if known.model is None:
        say(f"no gate learned: {known.why_none}; the one that ships decides")
    elif as_json:
        _emit_lines(held_out(place, chat))
    else:
        _show(known)


def _watched(messages: Iterable[Message], stage: str, count: int) -> Iterable[Message]:
    return track(messages, f"{stage} messages", count)


def _emit_lines(rows: Iterable[Mapping[str, Any]]) -> None:
    import orjson

    for row in rows:
        sys.stdout.write(orjson.dumps(row).decode() + "\n")


def _show(known: GateFile) -> None:
    from bot.gating.learning import lines_of

    report = known.report
    held, borders = report["held_out"], report["borders"]
    days = f" in {_days(held['days'])}" if held["days"] else ""
    _tell(
        f"{held['messages']:,} messages of others{days}, after everything it learned from; "
        f"@self answered {held['answered']:,} ({held['share_answered']:.1%})"
    )
    _tell("")
    emit_table(COLUMNS, lines_of(report))
    _tell("")
    gains = [_gained(report[name]) for name in ("gain", "gain_over_hand") if report.get(name)]
    _tell(f"balanced accuracy of the learned gate: {'; '.join(gains)}")
    _tell(
        "balanced %: the mean of two shares, of the messages @self answered those it answers, and"
    )
    _tell(
        "of the others those it leaves alone; 50 is chance; the border is set on earlier messages"
    )
    _tell("precision, recall, false/day: speaking as often as @self")
    _tell(
        "speaks %: at the border of balanced %; in the bot's rows (as it serves, at 0.5) as it does"
    )
    _tell("next %: balanced, if an answer is what comes next")
    _tell(
        f"the bot speaks unasked from a probability of {borders['at_rate']:.1%} on "
        f"(talk.threshold 0.5); balanced % is best from {borders['even']:.1%} on"
    )
    _tell("")
    _show_calibration(report["calibration"])
    _show_manner(report["manner"])


def _gained(gain: Mapping[str, Any]) -> str:
    interval = "too few to say how surely"
    if gain["low"] is not None:
        interval = f"95 %: {_points(gain['low'])} to {_points(gain['high'])}"
    return f"{_points(gain['points'])} points over {gain['over']} ({interval})"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _days(days: float) -> str:
    return f"{days:.0f} days" if days >= 1.5 else f"{24 * days:.0f} hours"


def _show_calibration(bins: Iterable[Mapping[str, float]]) -> None:
    rows = [(f"{one['told']:.1%}", f"{one['came']:.1%}", f"{one['messages']:,}") for one in bins]
    emit_table(("calibration: it said", "@self answered", "of messages"), rows)


def _show_manner(rows: Iterable[Mapping[str, Any]]) -> None:
    told = [
        (
            row["name"],
            f"{row['median']:.0f}",
            f"{row['fitted_median']:.0f}",
            f"{row['fitted']['distance']:.2f}",
            f"{row['default']['distance']:.2f}",
            row["observed"],
        )
        for row in rows
    ]
    if told:
        _tell("")
        columns = ("manner, later", "@self", "the bot", "distance", "unfitted", "of")
        emit_table(columns, told)


def _tell(line: str) -> None:
    stdout().print(line, markup=False)
