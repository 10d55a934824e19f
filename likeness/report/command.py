"""`atself report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.console import emit_json, home_option, json_option, say

if TYPE_CHECKING:
    from likeness.report.sources import Sources

EXAMPLES = """\b
Examples:
  atself report --open                 the model that serves, in the browser
  atself report --model v2 --out v2.html
  atself report --without-texts --out figures.html     to show somebody outside the chat
"""
PAGE = "likeness.html"


@click.command(epilog=EXAMPLES)
@click.option("--model", metavar="VERSION", help="A version. [default: what serves]")
@click.option("--evaluation", metavar="ID", help="[default: the one with most replies]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The page to write. [default: {PAGE} in the home folder]",
)
@click.option(
    "--scenes",
    type=click.IntRange(min=0),
    default=8,
    show_default=True,
    help="Sample scenes to show.",
)
@click.option("--without-texts", is_flag=True, help="Figures only: no messages, no names.")
@click.option("--open", "is_opened", is_flag=True, help="Open the page in the browser.")
@home_option
@json_option
def report(
    model: str | None,
    evaluation: str | None,
    out: Path | None,
    scenes: int,
    without_texts: bool,
    is_opened: bool,
    home: Path,
    as_json: bool,
) -> None:
    """Write one page on how like @self a model is.

    It shows what was measured so far, and says which command measures the rest. The page needs no
    network; unless --without-texts is given, it holds private messages.
    """
    from datetime import UTC, datetime

    from config.settings import Home
    from ingest.pages.writing import write_whole
    from likeness.report.page import render
    from likeness.report.people import names_in, without
    from likeness.report.sources import gather

    folder = Home(home)
    sources = gather(folder, model, evaluation)
    if without_texts:
        sources = without(names_in(folder, sources), sources)
    page = render(sources, now=datetime.now(UTC), scenes=scenes, with_texts=not without_texts)
    path = write_whole(out or folder.path / PAGE, page)
    if as_json:
        emit_json(_summary(sources, path))
    else:
        _tell(sources, path)
    if is_opened:
        click.launch(str(path))


def _summary(sources: Sources, path: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from likeness.report.advice import steps

    rehearsed = sources.rehearsed
    likeness = rehearsed.measures.likeness if rehearsed else {}
    return {
        "page": str(path),
        "bytes": path.stat().st_size,
        "version": sources.version,
        "evaluation": rehearsed.plan.id if rehearsed else None,
        "likeness": {name: asdict(figure) for name, figure in likeness.items()},
        "advice": [step.what for step in steps(sources) if step.kind != "missing"],
        "missing": [asdict(each) for each in sources.missing],
    }


def _tell(sources: Sources, path: Path) -> None:
    from likeness.report.headline import headline

    found = headline(sources.rehearsed, sources.version)
    if found:
        say(found.sentences[0])
    for each in sources.missing:
        say(f"not known yet: {each.what}; `{each.command}`")
    say(f"{path}: written; open it in a browser")
