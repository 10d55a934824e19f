"""`atself chat` and `atself run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.console import home_option, json_option

if TYPE_CHECKING:
    from bot.app import Persona
    from bot.platforms.console import Chat
    from ingest.archive import Archive

CHAT_EXAMPLES = """\b
Examples:
  atself chat                          talk; /help shows what else can be typed
  atself chat --as nice_guy            speak as nice_guy
  atself chat --model base             the same model before training
  atself chat --say "nice_guy: what is your cat called?" --json
  printf '@a: tea?\\n@b: coffee!\\n' | atself chat
"""


@click.command(epilog=CHAT_EXAMPLES)
@click.option("--as", "speaker", metavar="WHO", help="Who speaks; an unknown name is a new member.")
@click.option("--chat", metavar="TITLE", help="Recall from this conversation only.")
@click.option("--model", metavar="VERSION", help="A version, or `base`. [default: what serves]")
@click.option("--seed", type=int, help="The same lines and seed give the same replies.")
@click.option("--say", "lines", multiple=True, metavar='"WHO: TEXT"', help="Answer this and end.")
@home_option
@json_option
def chat(
    speaker: str | None,
    chat: str | None,
    model: str | None,
    seed: int | None,
    lines: tuple[str, ...],
    home: Path,
    as_json: bool,
) -> None:
    """Talk with @self in a terminal group chat.

    Lines come from the keyboard, from a pipe, or from --say (may be repeated: one scene). Replies
    go to stdout, remarks to stderr; --json prints one object per reply. Nothing is stored.
    """
    from bot.app import open_persona
    from bot.platforms.console import typed_lines
    from bot.platforms.scene import ANY_LABEL, read_line
    from config.settings import Home, load

    with open_persona(Home(home), load(home), model=model) as persona:
        session = _session(persona, speaker, chat, _seed(seed), as_json)
        for line in lines:
            session.say(read_line(line, ANY_LABEL))
        if not lines:
            session.greet()
            session.run(typed_lines(session.prompt))


RUN_EXAMPLES = """\b
Examples:
  atself run                           serve Telegram and Discord, whichever has a token
  atself run --terminal                a group chat here, with gate, pauses and commands
  atself run --model v3                answer with v3, whatever serves
"""


@click.command(epilog=RUN_EXAMPLES)
@click.option("--terminal", is_flag=True, help="Serve a chat at this terminal, too.")
@click.option("--as", "speaker", default="friend", show_default=True, help="Who types there.")
@click.option("--model", metavar="VERSION", help="A version, or `base`. [default: what serves]")
@home_option
def run(terminal: bool, speaker: str, model: str | None, home: Path) -> None:
    """Run the bots: answer as @self in the allowed Telegram and Discord chats.

    Tokens come from the environment: ATSELF_TELEGRAM__TOKEN, ATSELF_DISCORD__TOKEN. Who may command
    it and where it speaks: bot.admins and bot.allowed_chats, see docs/bot.md. Ctrl-C or SIGTERM end
    it gracefully; what was on its way is finished at the next start.
    """
    from bot.starting import start
    from config.settings import Home, load

    start(Home(home), load(home), speaker if terminal else None, model)


def _session(
    persona: Persona, speaker: str | None, title: str | None, seed: int, as_json: bool
) -> Chat:
    from datetime import UTC, datetime

    from bot.platforms.console import Chat
    from bot.platforms.display import JsonLines, Screen
    from bot.platforms.scene import Scene

    archive = persona.archive
    chat = _chat_id(archive, title) if title else None
    scene = Scene(
        archive.people(),
        archive.me(),
        chat=chat or "console:scene",
        clock=lambda: datetime.now(UTC),
    )
    return Chat(
        persona.responder,
        scene,
        JsonLines() if as_json else Screen(),
        speaker=scene.person(speaker or _most_frequent(archive)),
        seed=seed,
        chat=chat,
    )


def _most_frequent(archive: Archive) -> str:
    """The handle of whoever wrote most, @self and bots apart."""
    counts = archive.message_counts()
    others = [person for person in archive.people() if not person.is_self and not person.is_bot]
    return max(others, key=lambda person: counts.get(person.id, 0)).handle if others else "friend"


def _chat_id(archive: Archive, title: str) -> str:
    """The id of the one conversation with this title or id."""
    from bot.errors import SceneError

    chats = archive.chats()
    found = [found.id for found in chats if title.casefold() in (found.title.casefold(), found.id)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(repr(found.title or found.id) for found in chats[:8])
    problem = "several conversations are" if found else "no conversation is"
    raise SceneError(f"--chat: {problem} called {title!r}; there are: {known}")


def _seed(given: int | None) -> int:
    from random import SystemRandom

    return SystemRandom().randrange(2**31) if given is None else given
