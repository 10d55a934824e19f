"""A group chat at the terminal, served like any other: gate, bursts, pauses, journal and all.

Lines are ``text``, ``@nice_guy: text`` (somebody else says it), ``/command words``, and
``> text`` (a reply to the bot's last message). It is the way to try `atself run` without a token.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import regex

from bot.platforms.base import (
    Address,
    Button,
    Commanded,
    Heard,
    Outgoing,
    Post,
    Sent,
    Word,
)
from ingest.chat import Account, Conversation, RawMessage

PLATFORM = "terminal"
CHAT = Conversation(f"{PLATFORM}:here", "the terminal", PLATFORM)
_LINE = regex.compile(r"@(?P<who>[\w.-]{1,64})\s*[:：]\s*(?P<text>.*)", regex.DOTALL)
_LONGEST = 4096


class Shown:
    """A notice at the terminal: each version on a line of its own."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Show it, and the commands its buttons stand for."""
        choices = [f"/{button.name} {button.words}".rstrip() for button in buttons]
        self._write("\n".join([f"* {text}", *(f"*   {choice}" for choice in choices)]))


class TerminalPlatform:
    """One chat on stdin and stdout; ``me`` is whoever types."""

    name = PLATFORM
    account = Account(PLATFORM, "bot", "self", is_bot=True)
    trouble = ""

    def __init__(
        self,
        lines: AsyncIterator[str] | None = None,
        *,
        me: str = "friend",
        write: Callable[[str], None] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._lines, self._me, self._now = lines or _typed(), me, now
        self._write = write or _to_stdout
        self._start = int(now().timestamp() * 1000)
        self._count = 0
        self._last: str | None = None

    async def run(self, post: Post, ready: Callable[[str], None]) -> None:
        """Pass on what is typed until the end of input."""
        ready(f"{PLATFORM}: you are @{self._me}; @self is addressed by its name; Ctrl-C ends it")
        async for line in self._lines:
            if words := line.strip():
                await post(self._event(words))

    async def send(self, outgoing: Outgoing) -> Sent:
        """Print it."""
        self._write(f"@self: {outgoing.text}")
        self._last = self._id()
        return Sent(self._last, self._now())

    async def find(self, outgoing: Outgoing) -> Sent | None:
        """Nobody can tell what an earlier terminal showed; it is not shown again."""
        return Sent(self._id(), self._now())

    def longest(self, text: str) -> int:
        """No terminal minds, but nobody reads more."""
        return min(len(text), _LONGEST)

    async def typing(self, chat: str, topic: str | None = None) -> None:
        """A terminal shows only what is written."""

    async def notify(self, account: str, text: str, buttons: Sequence[Button] = ()) -> Shown:
        """Show a notice for an admin."""
        shown = Shown(self._write)
        await shown.say(text, buttons)
        return shown

    async def announce(self, chat: str, text: str) -> None:
        """Show the bot's own words."""
        self._write(f"* {text}")

    async def leave(self, chat: str) -> None:
        """Nobody leaves a terminal."""

    async def offer(self, words: Sequence[Word]) -> None:
        """There is no menu; /help lists them."""

    def _event(self, words: str) -> Heard | Commanded:
        if words.startswith("/"):
            name, _, rest = words[1:].partition(" ")
            answer = Shown(self._write)
            return Commanded(self._id(), CHAT, self._who(self._me), name, rest.strip(), answer)
        is_reply = words.startswith(">") and self._last is not None
        line = _LINE.fullmatch(words.removeprefix(">").strip())
        who, text = (line["who"], line["text"]) if line else (self._me, words.lstrip("> "))
        message = RawMessage(
            id=self._id(),
            chat=CHAT,
            author=self._who(who),
            sent_at=self._now(),
            text=text,
            reply_to=self._last if is_reply else None,
            mentions=(self.account,) if "@self" in text else (),
        )
        if is_reply:
            return Heard(message, Address.REPLY)
        return Heard(message, Address.MENTION if "@self" in text else Address.NONE)

    def _who(self, name: str) -> Account:
        return Account(PLATFORM, name.casefold(), name)

    def _id(self) -> str:
        self._count += 1
        return f"{CHAT.id}:{self._start}{self._count:06}"


async def _typed() -> AsyncIterator[str]:
    """Lines of stdin, read on a thread that nobody waits for: it may wait for a key for ever."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()

    def read() -> None:
        with suppress(RuntimeError):  # the loop has ended before the input
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, name="atself-stdin", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line


def _to_stdout(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
