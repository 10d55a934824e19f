"""`atself blind`: a test for friends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.console import emit_json, home_option, json_option, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Home
    from likeness.blind.results import Added, Result
    from likeness.blind.serving import Serving

EXAMPLES = """\b
Examples:
  atself blind make --out blind.html           a page to send to the group's members
  atself blind serve                           the same on http://127.0.0.1, answers kept at once
  atself blind add ATB1-7T2QK-...              what a friend sent back
  atself blind results
"""
language_option = click.option(
    "--language",
    type=click.Choice(["auto", "en", "zh"]),
    default="auto",
    show_default=True,
    help="Of the page; auto is that of the reader's browser.",
)


@click.group(epilog=EXAMPLES)
def blind() -> None:
    """Let friends guess: real scenes, two replies, which is @self?

    A page shows real messages of one group. Send it only to members of that group.
    """


@blind.command("make", epilog="Example: atself blind make --version v2 --scenes 12")
@click.option("--evaluation", metavar="ID", help="[default: the latest that has the version]")
@click.option("--version", metavar="VERSION", help="[default: the evaluation's first]")
@click.option("--chat", metavar="TITLE", help="[default: the group with most scenes]")
@click.option("--scenes", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("blind.html"),
    show_default=True,
)
@language_option
@click.option("--seed", type=int, help="The same sides and order again. [default: by chance]")
@home_option
@json_option
def make_page(
    evaluation: str | None,
    version: str | None,
    chat: str | None,
    scenes: int,
    out: Path,
    language: str,
    seed: int | None,
    home: Path,
    as_json: bool,
) -> None:
    """Make a test from an evaluation, as one HTML file that works offline.

    Nothing in the file says which reply is whose: the key stays in the home folder. Friends see
    real messages of the chat, so send it only to its members. It ends with a code to send back.
    """
    from random import Random, SystemRandom

    from config.settings import Home
    from ingest.pages.writing import write_whole
    from likeness.blind.blindtest import write_test
    from likeness.blind.making import make
    from likeness.blind.page import page_of

    place = Home(home)
    dice = SystemRandom() if seed is None else Random(seed)
    test, left_out = make(place, evaluation, version, chat, scenes=scenes, dice=dice)
    write_test(place, test)
    write_whole(out, page_of(test, language=language))
    if as_json:
        told = {"test": test.id, "version": test.version, "chat": test.title or test.chat}
        emit_json({**told, "scenes": len(test.pairs), "page": str(out), "left_out": left_out})
        return
    for reason, count in left_out.most_common():
        say(f"left out: {count} × {reason}")
    if len(test.pairs) < scenes:
        say(f"{len(test.pairs)} scenes are fit; evaluate with more scenes to have {scenes}")
    say(
        f"wrote {out}: {len(test.pairs)} scenes of {test.title or test.chat}, {test.version}. "
        "It shows real messages: send it to members of that group only"
    )


@blind.command("serve", epilog="Example: atself blind serve --port 8765")
@click.argument("test", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
@click.option(
    "--host",
    metavar="ADDRESS",
    help="Another address to listen at: whoever reaches it reads the messages shown. "
    "[default: this machine alone]",
)
@language_option
@home_option
def serve_page(test: str | None, port: int, host: str | None, language: str, home: Path) -> None:
    """Serve a test (the newest by default) on this machine, until Ctrl-C.

    Answers are kept at once, and whoever finishes is told how often they were right.
    """
    import asyncio
    import secrets
    from contextlib import suppress
    from datetime import UTC, datetime

    from config.settings import Home
    from likeness.blind.blindtest import read_test
    from likeness.blind.making import require_there
    from likeness.blind.serving import Serving

    place = Home(home)
    chosen = read_test(place, test)
    require_there(place, chosen)
    serving = Serving(
        place,
        chosen,
        token=secrets.token_urlsafe(16),
        clock=lambda: datetime.now(UTC),
        told=lambda result, added: say(_line(result, added)),
        language=language,
        host=host,
        port=port,
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(_until_stopped(serving))


@blind.command("add", epilog="Example: atself blind add ATB1-7T2QK-9WZ3A-... ")
@click.argument("codes", nargs=-1, required=True, metavar="CODE...")
@click.option("--replace", is_flag=True, help="Let a friend's later answers count.")
@home_option
@json_option
def add_codes(codes: tuple[str, ...], replace: bool, home: Path, as_json: bool) -> int:
    """Take in what friends sent back; `-` reads a code per line from stdin.

    A code given twice counts once. A friend's first answers to a test count.
    """
    from config.settings import Home

    rows: list[dict[str, object]] = []
    problems = 0
    for code in _read(codes):
        row, is_good = _added(Home(home), code, replace)
        rows.append(row)
        problems += not is_good
        if not as_json:
            say(str(row["line"]))
    if as_json:
        emit_json(rows)
    return 1 if problems else 0


@blind.command("results", epilog="Example: atself blind results --json")
@home_option
@json_option
def show_results(home: Path, as_json: bool) -> None:
    """Show how often friends were right: by version, by friend, and which scenes fooled them.

    The interval is the exact binomial one (95 %). 50 % is guessing: the model cannot be told from
    @self.
    """
    from config.settings import Home
    from likeness.blind.results import fooled, results
    from likeness.blind.showing import as_json as told
    from likeness.blind.showing import show

    place = Home(home)
    found = results(place)
    scenes = fooled(place, found)
    if as_json:
        emit_json(told(found, scenes))
    elif found:
        show(found, scenes)
    else:
        say("no answers yet; `atself blind add CODE` takes what friends send back")


async def _until_stopped(serving: Serving) -> None:
    import asyncio

    await serving.start()
    say(f"{serving.url} serves the test; Ctrl-C ends it")
    try:
        await asyncio.Event().wait()
    finally:
        await serving.stop()


def _read(codes: Sequence[str]) -> list[str]:
    """The codes given; of stdin the lines that hold one."""
    from likeness.blind.codes import PREFIX
    from likeness.errors import LikenessError

    found: list[str] = []
    for code in codes:
        if code == "-":
            lines = [line for line in sys.stdin if PREFIX in line.upper()]
            if not lines:
                raise LikenessError(f"stdin: no line holds a code; they begin with {PREFIX}")
            found += lines
        else:
            found.append(code)
    return found


def _added(home: Home, code: str, is_replacing: bool) -> tuple[dict[str, object], bool]:
    from datetime import UTC, datetime

    from likeness.blind.codes import decode
    from likeness.blind.results import Added, add
    from likeness.errors import LikenessError

    try:
        result, added = add(home, decode(code), now=datetime.now(UTC), is_replacing=is_replacing)
    except LikenessError as error:
        return {"outcome": "refused", "line": str(error)}, False
    row = {"outcome": added.name.lower(), "line": _line(result, added), **result.to_json()}
    return row, added is not Added.KEPT


def _line(result: Result, added: Added) -> str:
    remedy = " (--replace takes the later ones)" if added.name == "KEPT" else ""
    score = f"{result.right} of {result.total} right"
    return f"{result.friend}, test {result.test} of {result.version}: {score}; {added}{remedy}"
