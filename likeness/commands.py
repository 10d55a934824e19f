"""The commands that measure likeness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.console import emit_json, emit_table, home_option, json_option, say

if TYPE_CHECKING:
    from config.settings import Home
    from likeness.records import Evaluation, Player

EVALUATE_EXAMPLES = """\b
Examples:
  atself evaluate                                  the serving model beside all it is compared with
  atself evaluate --minutes 10                     what fits; the same command goes on later
  atself evaluate --model v2 --against v1          two versions on the same scenes
  atself evaluate --players base,full,member,self --scenes 40
  atself evaluate --list
  atself evaluate --show 3f2a9c01d7 --json
"""


@click.command(epilog=EVALUATE_EXAMPLES)
@click.option(
    "--model", "models", metavar="VERSION", multiple=True, help="May be repeated. [default: serves]"
)
@click.option("--against", metavar="VERSION", help="Another version on the same scenes.")
@click.option(
    "--scenes", type=click.IntRange(1), default=200, show_default=True, help="Moments to speak at."
)
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Stop after so long.")
@click.option("--seed", type=int, default=7, show_default=True, help="For scenes and replies.")
@click.option("--chat", metavar="TITLE", help="Scenes of this conversation only.")
@click.option("--players", metavar="NAMES", help="Only these, with commas between. [default: all]")
@click.option("--list", "is_listing", is_flag=True, help="The evaluations there are.")
@click.option("--show", "shown", metavar="ID", help="What an earlier evaluation measured.")
@home_option
@json_option
def evaluate(
    models: tuple[str, ...],
    against: str | None,
    scenes: int,
    minutes: float | None,
    seed: int,
    chat: str | None,
    players: str | None,
    is_listing: bool,
    shown: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """Rehearse the held-out period and measure how like @self each player is.

    At moments when @self answered somebody, after all that the models learned from, the whole bot
    answers instead, seeing only what was said before. Players: member (another member, the floor),
    random and nearest (past replies of @self), base (untrained), prompted (base with prompt,
    examples and memory), adapter (trained), full (trained, with memory), self (what @self really
    said, the ceiling). Figures come with 95 % intervals. Everything is kept in evaluations/ID; the
    same command goes on where it was stopped.
    """
    from config.settings import Home, load
    from likeness.rehearsal.rehearse import rehearse

    place = Home(home)
    if is_listing:
        _list(place, as_json)
        return
    if shown:
        _show(_found(place, shown), as_json)
        return
    settings = load(home)
    from likeness.rehearsal.casting import chat_named, players_of

    evaluation = rehearse(
        place,
        settings,
        players_of(place, settings, models=models, against=against, wanted=_names(players)),
        scenes=scenes,
        seed=seed,
        minutes=minutes,
        chat=chat_named(place, settings, chat) if chat else None,
    )
    _show(evaluation, as_json)


def _names(players: str | None) -> Sequence[str]:
    return [name.strip().casefold() for name in (players or "").split(",") if name.strip()]


def _list(home: Home, as_json: bool) -> None:
    """Every evaluation, oldest first."""
    from likeness.records import evaluations

    found = evaluations(home.evaluations)
    if as_json:
        emit_json([_row(each) for each in found])
    elif found:
        emit_table(("id", "created", "scenes", "versions", "measured"), map(_cells, found))
    else:
        say(f"{home.evaluations}: no evaluation yet; run `atself evaluate`")


def _row(evaluation: Evaluation) -> dict[str, object]:
    plan = evaluation.plan
    return {
        "id": plan.id,
        "created_at": plan.created_at.isoformat(),
        "scenes": dict(plan.scenes),
        "versions": list(plan.versions),
        "title": plan.title,
        "is_measured": evaluation.is_finished,
    }


def _cells(evaluation: Evaluation) -> tuple[str, ...]:
    plan = evaluation.plan
    return (
        plan.id,
        f"{plan.created_at:%Y-%m-%d %H:%M}",
        plan.told_scenes,
        ", ".join(plan.versions) or "none",
        "yes" if evaluation.is_finished else "no",
    )


def _found(home: Home, id: str) -> Evaluation:
    from likeness.errors import LikenessError
    from likeness.records import evaluations

    known = [each for each in evaluations(home.evaluations) if each.id.startswith(id)]
    if len(known) != 1:
        problem = "several evaluations are" if known else "no evaluation is"
        raise LikenessError(f"--show: {problem} called {id!r}; see `atself evaluate --list`")
    return known[0]


def _show(evaluation: Evaluation, as_json: bool) -> None:
    """What was measured: a table for people, JSON for programs."""
    from likeness.measured import Measures
    from likeness.measures.showing import show

    if as_json:
        emit_json({"id": evaluation.id, **evaluation.measures})
    elif evaluation.is_finished:
        show(Measures.from_json(evaluation.measures), evaluation.plan)
    else:
        emit_table(("player", "replies"), _counts(evaluation, evaluation.plan.players))


def _counts(evaluation: Evaluation, players: Sequence[Player]) -> list[tuple[str, int]]:
    said = evaluation.attempts
    return [(each.name, sum(one.player == each for one in said)) for each in players]
