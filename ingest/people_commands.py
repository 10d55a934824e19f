"""`atself people`: who is who, and the decisions about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from config.console import emit_json, emit_table, home_option, json_option, say

if TYPE_CHECKING:
    from ingest.archive import Archive
    from ingest.chat import Person

_EXAMPLES = """\b
Examples:
  atself people                        everyone, busiest first
  atself people --self "Kevin Buzzard"   say who @self is
  atself people --self @me --self @me_2  several accounts, all of them you
  atself people suggest                who may be one person, and why
  atself people merge @ann @ann_2
  atself people --json
"""


@click.group(invoke_without_command=True, epilog=_EXAMPLES)
@click.option("--self", "me", multiple=True, metavar="WHO", help="Make this person @self.")
@click.option("--limit", default=30, show_default=True, help="How many to list; 0 lists all.")
@home_option
@json_option
@click.pass_context
def people(
    context: click.Context, me: tuple[str, ...], limit: int, home: Path, as_json: bool
) -> None:
    """Who is in the archive: handles, names, message counts; and who is @self.

    A handle never changes once given: merging keeps the first one's, renaming changes the name
    shown. What is decided here stays decided when exports are imported again.
    """
    if context.invoked_subcommand is not None:
        _require_none_before(context)
        return
    with _archive(home) as archive:
        if me:
            chosen = archive.set_self(*me)
            say(f"@self is now {chosen.name} (@{chosen.handle})")
        rows = _rows(archive)
    if as_json:
        emit_json(rows)
        return
    shown = rows[:limit] if limit else rows
    emit_table(
        ("handle", "messages", "names", ""),
        (
            (f"@{row['handle']}", f"{row['messages']:,}", ", ".join(row["names"]), _role(row))
            for row in shown
        ),
    )
    if len(shown) < len(rows):
        say(f"{len(rows) - len(shown):,} more; --limit 0 lists all")


@people.command(epilog='Example: atself people merge @ann "Ann from work" discord:123456')
@click.argument("who")
@click.argument("others", nargs=-1, required=True)
@home_option
@json_option
def merge(who: str, others: tuple[str, ...], home: Path, as_json: bool) -> None:
    """Make OTHERS the same person as WHO, whose handle they take."""
    with _archive(home) as archive:
        _tell(archive, [archive.merge(who, *others)], as_json)


@people.command(epilog="Example: atself people split @ann --account discord:123456")
@click.argument("who")
@click.option(
    "--account", "accounts", multiple=True, metavar="ACCOUNT", help="Which; by default all."
)
@home_option
@json_option
def split(who: str, accounts: tuple[str, ...], home: Path, as_json: bool) -> None:
    """Take accounts out of WHO (a person, or one account) again; each has a handle of its own."""
    with _archive(home) as archive:
        _tell(archive, archive.split(who, *accounts), as_json)


@people.command(epilog='Example: atself people rename @ann "Ann B."')
@click.argument("who")
@click.argument("name", required=False)
@home_option
@json_option
def rename(who: str, name: str | None, home: Path, as_json: bool) -> None:
    """Show WHO as NAME, or again as they call themselves; the handle stays."""
    with _archive(home) as archive:
        _tell(archive, [archive.rename(who, name)], as_json)


@people.command("mark-bot", epilog="Example: atself people mark-bot @welcome --no-bot")
@click.argument("who")
@click.option("--bot/--no-bot", "is_bot", default=True, help="A bot, or a person after all.")
@home_option
@json_option
def mark_bot(who: str, is_bot: bool, home: Path, as_json: bool) -> None:
    """Say that WHO is a bot: bots are not learned from, nor shown to the model."""
    with _archive(home) as archive:
        _tell(archive, [archive.mark_bot(who, is_bot=is_bot)], as_json)


@people.command("self", epilog="Example: atself people self @me @my_work_account")
@click.argument("who", nargs=-1, required=True)
@home_option
@json_option
def set_self(who: tuple[str, ...], home: Path, as_json: bool) -> None:
    """Make WHO @self; several accounts become one person."""
    with _archive(home) as archive:
        _tell(archive, [archive.set_self(*who)], as_json)


@people.command(epilog="Example: atself people suggest --json")
@click.option("--limit", default=20, show_default=True, help="How many to list; 0 lists all.")
@home_option
@json_option
def suggest(limit: int, home: Path, as_json: bool) -> None:
    """Who may be one person, and what speaks for and against it; nothing is changed."""
    with _archive(home) as archive:
        found = archive.suggestions()
    rows = [
        {
            "score": each.score,
            "people": [f"@{person.handle}" for person in each.people],
            "evidence": list(each.evidence),
        }
        for each in (found[:limit] if limit else found)
    ]
    if as_json:
        emit_json(rows)
    elif not rows:
        say("nobody looks like the same person twice")
    else:
        emit_table(("score", "merge", "evidence"), map(_suggested, rows))


def settle_self(archive: Archive, who: Sequence[str]) -> Iterator[str]:
    """Set @self after an import; yields what is wrong: that must not undo the import.

    Where nobody says who, it is whom the exports name as their owner, unless somebody is already.
    """
    from ingest.errors import ArchiveError

    try:
        if who:
            archive.set_self(*who)
            return
        owners = archive.owners()
        if owners and not any(person.is_self for person in archive.people()):
            archive.set_self(f"@{owners[0].handle}")
            say(f"note: @self is @{owners[0].handle}, whose export this is")
        me = archive.me()
        for other in (owner for owner in owners if owner.id != me.id):
            both = f"atself people --self @{me.handle} --self @{other.handle}"
            say(f"note: @{other.handle} owns an export, too; if that is you as well: {both}")
    except ArchiveError as error:
        if who:
            yield f"--self: {error}"
        else:
            say(f"note: {error}")


def settled_lines(settled: Mapping[str, int]) -> dict[str, str]:
    """What the end of an import found, as lines of its summary; none where it found nothing."""
    words = {
        "joined": "accounts joined by name",
        "bridges": "bridges",
        "unwrapped": "bridged messages given to their writers",
        "bots": "bots found",
        "mentions": "late mentions",
        "named": "messages that name somebody",
    }
    found = [f"{settled[key]:,} {text}" for key, text in words.items() if settled[key]]
    return {"found": ", ".join(found)} if found else {}


@contextmanager
def _archive(home: Path) -> Iterator[Archive]:
    from config.settings import Home
    from ingest.archive import Archive

    with Archive.open(Home(home).archive) as archive:
        yield archive


def _require_none_before(context: click.Context) -> None:
    """Options of the listing mean nothing to a subcommand, which has its own."""
    for name in ("me", "limit", "home", "as_json"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"give options after `{context.invoked_subcommand}`")


def _tell(archive: Archive, changed: Iterable[Person], as_json: bool) -> None:
    """Say who people are now."""
    counts = archive.message_counts()
    rows = [_row(person, counts) for person in changed]
    if as_json:
        emit_json(rows)
        return
    for row in rows:
        role, accounts = _role(row), ", ".join(row["accounts"])
        marked = f" ({role})" if role else ""
        names = " = ".join(row["names"][-1:])
        say(f"@{row['handle']}{marked}: {names}, {row['messages']:,} messages, from {accounts}")


def _rows(archive: Archive) -> list[dict[str, Any]]:
    counts = archive.message_counts()
    rows = [_row(person, counts) for person in archive.people()]
    return sorted(rows, key=lambda row: (-row["messages"], row["handle"]))


def _row(person: Person, counts: Mapping[int, int]) -> dict[str, Any]:
    return {
        "handle": person.handle,
        "messages": counts.get(person.id, 0),
        "names": list(person.names),
        "accounts": [f"{account.platform}:{account.key}" for account in person.accounts],
        "is_self": person.is_self,
        "is_bot": person.is_bot,
    }


def _role(row: Mapping[str, Any]) -> str:
    return "@self" if row["is_self"] else "bot" if row["is_bot"] else ""


def _suggested(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return f"{row['score']:.2f}", " ".join(row["people"]), "; ".join(row["evidence"])
