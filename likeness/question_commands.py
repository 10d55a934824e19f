"""`atself questions`: the same questions to every version, answers side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.console import emit_json, emit_table, home_option, json_option, progress, say, stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Home
    from likeness.answers import Answer

EXAMPLES = """\b
Examples:
  atself questions edit-path          the file to edit: one question per line
  atself questions ask --all          ask every version what it was not asked yet
  atself questions show --page questions.html
"""
PIPED_WIDTH = 100
"""Columns that answers are folded to where no terminal says how many there are."""


@click.group(epilog=EXAMPLES)
def questions() -> None:
    """Ask every model version the same questions, and compare the answers."""


@questions.command("list", epilog="Example: atself questions list --json")
@home_option
@json_option
def list_questions(home: Path, as_json: bool) -> None:
    """List the questions, and who asks each."""
    from config.settings import Home, load
    from ingest.archive import Archive
    from likeness.questions import controlled_scenes

    place, settings = Home(home), load(home)
    with Archive.open(place.archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        lines = [scene.before[-1] for scene in controlled_scenes(place, archive)]
    if as_json:
        emit_json([{"question": line.text, "asker": line.handle} for line in lines])
    else:
        emit_table(("asked by", "question"), [(f"@{line.handle}", line.text) for line in lines])


@questions.command("edit-path", epilog="Example: $EDITOR $(atself questions edit-path)")
@home_option
def edit_path(home: Path) -> None:
    """Print the file of the questions; it is written with ours where there is none."""
    from config.settings import Home
    from ingest.archive import Archive
    from likeness.questions import write_questions

    place = Home(home)
    with Archive.open(place.archive) as archive:
        click.echo(write_questions(place, archive))


@questions.command("ask", epilog="Example: atself questions ask --model v1 --model v2")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="VERSION",
    help="A version, or `base`; may be repeated. [default: what serves]",
)
@click.option("--all", "is_all", is_flag=True, help="Every version on this machine, and the base.")
@home_option
@json_option
def ask_questions(models: tuple[str, ...], is_all: bool, home: Path, as_json: bool) -> None:
    """Ask what was not asked yet, keep the answers, and show them.

    The same version, question and settings are asked once; an interrupted run goes on.
    """
    from config.settings import Home

    place = Home(home)
    chosen = _versions(place, models, is_all)
    for version in chosen:
        _ask(place, version)
    _show(place, chosen, as_json)


@questions.command("show", epilog="Example: atself questions show --page questions.html")
@click.option("--model", "models", multiple=True, metavar="VERSION", help="[default: all asked]")
@click.option(
    "--page", type=click.Path(path_type=Path, dir_okay=False), help="Write an HTML page, too."
)
@home_option
@json_option
def show_answers(models: tuple[str, ...], page: Path | None, home: Path, as_json: bool) -> None:
    """Show what every version answered, side by side.

    Here are answers to `atself questions ask`; `atself report` shows those of rehearsals, too.
    """
    from config.settings import Home

    place = Home(home)
    _show(place, models, as_json)
    if page is not None:
        say(f"wrote {_write_page(place, models, page)}")


def _versions(home: Home, models: Sequence[str], is_all: bool) -> list[str]:
    from likeness.answers import BASE
    from registry.store import Registry

    registry = Registry(home.models)
    if is_all:
        local = [each.version for each in registry.versions() if each.remote is None]
        return [BASE, *local]
    if not models:
        return [registry.get().version]
    return [model if model == BASE else registry.get(model).version for model in models]


def _ask(home: Home, version: str) -> None:
    from datetime import UTC, datetime

    from config.settings import load
    from likeness.answers import ask

    with progress() as display:
        task = display.add_task(f"asking {version}", total=None, note="")

        def told(done: int, total: int) -> None:
            display.update(task, completed=done, total=total)

        asked = ask(home, load(home.path), version, clock=lambda: datetime.now(UTC), told=told)
    say(f"{version}: asked {asked} questions" if asked else f"{version}: was asked everything")


def _rows(
    home: Home, versions: Sequence[str]
) -> tuple[list[str], list[tuple[str, dict[str, Answer]]]]:
    """The versions to show, and every question they were asked."""
    from likeness.answers import answers, version_order

    found = answers(home)
    asked = sorted({version for said in found.values() for version in said}, key=version_order)
    shown = [version for version in asked if not versions or version in versions]
    rows = [(text, said) for text, said in found.items() if any(one in said for one in shown)]
    return shown, rows


def _show(home: Home, versions: Sequence[str], as_json: bool) -> None:
    shown, rows = _rows(home, versions)
    if as_json:
        emit_json([_as_json(text, said, shown) for text, said in rows])
    elif not rows:
        say("nothing was asked yet; `atself questions ask`")
    else:
        _table(shown, rows)


def _table(versions: Sequence[str], rows: Sequence[tuple[str, dict[str, Answer]]]) -> None:
    """A column for each version, of one width, folded where the terminal ends."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0), expand=True)
    for name in ("question", *versions):
        table.add_column(name, ratio=1, overflow="fold")
    for text, said in rows:
        told = [Text(_told(said.get(version))) for version in versions]
        table.add_row(Text(text, "dim"), *told)
    console = stdout()
    console.print(table, width=console.width if console.is_terminal else PIPED_WIDTH)


def _told(answer: Answer | None) -> str:
    if answer is None:
        return "(not asked)"
    return "\n".join(answer.parts) or "(nothing)"


def _as_json(text: str, said: dict[str, Answer], versions: Sequence[str]) -> dict[str, object]:
    from dataclasses import asdict

    answers = {version: asdict(said[version]) for version in versions if version in said}
    return {"question": text, "answers": answers}


def _write_page(home: Home, versions: Sequence[str], page: Path) -> Path:
    from ingest.pages.writing import render, write_whole

    shown, rows = _rows(home, versions)
    template = Path(__file__).with_name("questions.html.j2")
    return write_whole(page, render(template, rows=rows, versions=shown))
