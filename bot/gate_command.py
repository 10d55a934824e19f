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
    held, gain, borders = report["held_out"], report["gain"], report["borders"]
    days = f" in {held['days']:.0f} days" if held["days"] else ""
    _tell(
        f"{held['messages']:,} messages of others{days}, after everything it learned from; "
        f"@self answered {held['answered']:,} ({held['share_answered']:.1%})"
    )
    _tell("")
    emit_table(COLUMNS, lines_of(report))
    _tell("")
    _tell(_gained(gain))
    _tell(
        "balanced: the mean of the share of answered messages it answers and of the others it "
        "leaves alone, 50 for chance, at a border set on earlier messages; precision, recall and "
        "false/day: speaking as often as @self; next: balanced accuracy if an answer is what "
        "comes next; speaks: share of messages at that border (the bot's row: as it serves)"
    )
    _tell(
        f"the bot speaks unasked from a probability of {borders['at_rate']:.1%} on "
        "(talk.threshold 0.5); a border for balanced accuracy would be "
        f"{borders['even']:.1%}"
    )
    for line in _calibrated(report["calibration"]):
        _tell(line)
    _show_manner(report["manner"])


def _gained(gain: Mapping[str, Any]) -> str:
    points = 100 * gain["points"]
    interval = ""
    if gain["low"] is not None:
        interval = f" (95 %: {100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
    return f"{points:+.1f} points over the best simple rule, {gain['over']!r}{interval}"


def _calibrated(bins: Iterable[Mapping[str, float]]) -> Iterable[str]:
    pairs = [f"{each['told']:.1%} → {each['came']:.1%}" for each in bins]
    yield f"calibration, told → came, by tenths of the messages: {', '.join(pairs)}"


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
        columns = ("manner, later", "median", "fitted", "distance", "unfitted", "observed")
        emit_table(columns, told)


def _tell(line: str) -> None:
    stdout().print(line, markup=False)
