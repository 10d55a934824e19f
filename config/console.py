"""What every command shares: data to stdout, progress and problems to stderr, common options."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_UNFOLDED = 10_000  # columns, more than any table has
_CONTROL = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
"""Characters that terminals act upon."""
_ESCAPED = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
"""Those that JSON leaves as they are."""

home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="ATSELF_HOME",
    default=Path("persona"),
    show_default=True,
    help="Folder that holds the archive, models and index. [env: ATSELF_HOME]",
)
progress_option = click.option(
    "--progress-json",
    metavar="TARGET",
    is_flag=False,
    flag_value="-",
    help="Write events as JSON lines to a file, a descriptor, or - for stdout (docs/progress.md).",
)
"""Where a long command writes its events."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


@cache
def stderr() -> Console:
    """The console for progress and problems; never for data."""
    return _inert(stderr=True)


def stdout() -> Console:
    """The console for data meant for people; JSON goes through :func:`emit_json`.

    Only a terminal folds lines: what is piped keeps each row on one line.
    """
    return _inert(width=None if sys.stdout.isatty() else _UNFOLDED)


def _inert(**options: Any) -> Console:
    """A console on which nothing that people wrote can steer the terminal.

    rich lets escape sequences in a text through: control characters are taken out of what is drawn,
    its own styles and cursor movements are not text and stay.
    """
    from rich.console import Console, RenderHook
    from rich.segment import Segment

    class Drawn:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __rich_console__(self, console: Console, options: Any) -> Iterator[Segment]:
            for text, style, control in console.render(self._inner, options):
                yield Segment(text if control else text.translate(_CONTROL), style, control)

    class Hook(RenderHook):
        def process_renderables(self, renderables: list[Any]) -> list[Any]:
            return [Drawn(one) for one in renderables]

    console = Console(highlight=False, soft_wrap=True, **options)
    console.push_render_hook(Hook())
    return console


def say(text: str) -> None:
    """One plain line of progress on stderr; markup in ``text`` is not interpreted."""
    stderr().print(text, markup=False)


def emit_json(value: object) -> None:
    """One JSON document on stdout, readable by people and machines."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    sys.stdout.write(text.translate(_ESCAPED) + "\n")


def emit_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; cells are plain text."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    stdout().print(table)


def emit_mapping(values: Mapping[str, object]) -> None:
    """Aligned ``name  value`` lines on stdout."""
    width = max((len(key) for key in values), default=0)
    for key, value in values.items():
        stdout().print(f"{key:<{width}}  {value}", markup=False)


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress display on stderr with bar, count, rate and remaining time.

    Without a terminal the bars are not drawn; callers print their own summary lines.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = stderr()
    with Progress(*columns, console=console, disable=not console.is_terminal) as display:
        yield display


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` while a progress bar with rate and remaining time counts them."""
    with progress() as display:
        task = display.add_task(description, total=total, note="")
        for count, item in enumerate(items, 1):
            yield item
            if count % 64 == 0 or (total or 64) < 1000:
                speed = display.tasks[0].speed
                note = f"{speed:,.0f}/s" if speed else ""
                display.update(task, completed=count, note=note)
        display.update(task, completed=total or 0)
