"""`atself threads`: who answers whom in an export."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.console import emit_table, json_option

if TYPE_CHECKING:
    from ingest.answers import Row

EXAMPLES = """\b
Examples:
  atself threads '#ubuntu.log'              the largest conversations
  atself threads result.json --limit 10
  atself threads irc.log --json | jq -c 'select(.answers)'

\b
With --json one row a line for each message, in order:
  {"line": 0-based line of the file, or the message's place in it where it is not made of lines,
   "id": …, "answers": line it answers or null where it starts a conversation,
   "thread": line its conversation starts on, "score": probability, "reason": plainest evidence}
The notices of IRC logs have rows with "id": null.
"""
_SHOWN = 60


@click.command(epilog=EXAMPLES)
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--limit", default=20, show_default=True, help="Most conversations shown.")
@json_option
def threads(file: Path, limit: int, as_json: bool) -> None:
    """Tell the conversations of an export apart: which message answers which."""
    from ingest.answers import rows_of

    if as_json:
        _emit_lines(rows_of(file))
    else:
        _show(rows_of(file), limit)


def _emit_lines(rows: Iterable[Row]) -> None:
    import orjson

    for row in rows:
        line = {
            "line": row.line,
            "id": row.id,
            "answers": row.answers,
            "thread": row.thread,
            "score": row.score,
            "reason": row.reason,
        }
        sys.stdout.write(orjson.dumps(line).decode() + "\n")


def _show(rows: Iterable[Row], limit: int) -> None:
    from collections import defaultdict

    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row.id is not None:
            found[row.thread].append(row)
    largest = sorted(found.values(), key=len, reverse=True)[:limit]
    emit_table(("thread", "messages", "people", "until", "opens with"), map(_summary, largest))


def _summary(rows: Sequence[Row]) -> tuple[object, ...]:
    first = rows[0]
    opening = " ".join(first.text.split())[:_SHOWN]
    people = len({row.who for row in rows})
    return first.thread, len(rows), people, rows[-1].line, f"{first.who}: {opening}"
