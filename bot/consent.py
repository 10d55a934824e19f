"""What anybody may ask of the bot: what it is, to be left out, to be let in again, to be forgotten.

Whoever opted out is neither kept nor shown to the model nor answered from that moment on; what they
wrote before is out of sight of search, recall and datasets (see :mod:`ingest.people.consent`).
Forgetting is begun in the same way, noted, and then done by ``atself forget`` in a process of its
own; a stop in between leaves the rest to the next start.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from bot.consent_words import say
from bot.forgetting import Forgetting
from bot.platforms.base import Button, Commanded, Handler, Word
from bot.tongues import DEFAULT, language_of
from config.errors import AtselfError
from ingest.archive import Archive
from ingest.chat import Account
from ingest.people.refusals import account_digest

T = TypeVar("T")
VALID = timedelta(minutes=10)
"""How long "forget me" may be confirmed."""
MOST_OPEN = 200
SAMPLE = 60
ABOUT = Word("about", "What this bot is, what it keeps, and how to be left out", is_admin=False)
OPT_OUT = Word("optout", "Keep, read and answer nothing of mine", is_admin=False)
OPT_IN = Word("optin", "Take that back", is_admin=False)
FORGET_ME = Word("forgetme", "Delete for good what is kept of me", is_admin=False)
RIGHTS = (ABOUT, OPT_OUT, OPT_IN, FORGET_ME)
_log = logging.getLogger("atself.consent")


class Reach(Protocol):
    """Runs something with the archive, off the event loop, in its turn."""

    def __call__(self, function: Callable[[Archive], T]) -> Awaitable[T]:
        """The result of ``function``."""
        ...


async def _nothing(_account: Account) -> None:
    """The hook of those who need not know."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the rest of the bot tells and hears.

    ``is_logged`` says whether a chat (id, places) is kept. ``left`` is told of an account once
    nothing of it may be used any more: what is held in memory or in work must go. ``failed`` is
    told, in a line without names, what an admin should know.
    """

    is_logged: Callable[[str, tuple[str, ...]], bool] = lambda _chat, _places: True
    left: Callable[[Account], Awaitable[None]] = _nothing
    failed: Callable[[str], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """An open question whether somebody is to be forgotten."""

    account: tuple[str, str]
    until: datetime


class Consent:
    """Who is left out, and the commands by which they say so. For one event loop."""

    def __init__(
        self,
        reach: Reach,
        forgetting: Forgetting,
        *,
        clock: Callable[[], datetime],
        hooks: Hooks | None = None,
        token: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._reach, self._forgetting, self._clock = reach, forgetting, clock
        self._hooks, self._token = hooks or Hooks(), token
        self._out: frozenset[bytes] = frozenset()
        self._gone: frozenset[bytes] = frozenset()
        self._leaving: frozenset[bytes] = frozenset()
        self._name = "@self"
        self._languages: dict[str, str] = {}
        self._asked: dict[str, _Asked] = {}
        self._work: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Read who is left out; go on with what a stop cut short. To be called before anybody is
        listened to. Raises ArchiveError."""
        await self._read()
        self._name = await self._reach(lambda archive: archive.me().name)
        for account in self._forgetting.open():
            self._gone |= {account_digest(account)}
            self._begin(account, None, DEFAULT)

    async def follow(self) -> None:
        """Read again who is left out: an admin or another process may have forgotten somebody."""
        await self._read()

    async def close(self) -> None:
        """Stop what is being done; the next :meth:`open` goes on with it."""
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def settled(self) -> None:
        """Wait until everybody who asked is forgotten, or it failed."""
        await asyncio.gather(*self._work)

    def is_out(self, account: Account) -> bool:
        """Whether what this account says may not be kept, shown to the model, or answered."""
        refused = (self._out, self._gone, self._leaving)
        if not any(refused):
            return False
        digest = account_digest(account)
        return any(digest in some for some in refused)

    def offers(self) -> Mapping[Word, Handler]:
        """The commands; they are for anybody, also for those who are left out."""
        return {
            ABOUT: self._about,
            OPT_OUT: self._opt_out,
            OPT_IN: self._opt_in,
            FORGET_ME: self._forget_me,
        }

    async def announcement(self, chat: str, is_logged: bool) -> str:
        """What the bot says once in a chat it begins to listen in, in the chat's language."""
        key = "announce" if is_logged else "announce_unlogged"
        return say(await self._language(chat), key, name=self._name)

    async def _about(self, asked: Commanded) -> None:
        language = await self._language(asked.chat.id)
        kept = "kept" if self._hooks.is_logged(asked.chat.id, asked.places) else "not_kept"
        lines = (say(language, key, name=self._name) for key in ("about", kept, "rights"))
        await asked.answer.say("\n\n".join(lines))

    async def _opt_out(self, asked: Commanded) -> None:
        account, language = asked.account, await self._language(asked.chat.id)
        if await self._is_refused(asked, language):
            return
        digest = account_digest(account)
        if digest in self._out:
            await asked.answer.say(say(language, "already_out"))
            return
        self._leaving |= {digest}  # at once: what is said meanwhile is not kept
        count = await self._reach(lambda archive: archive.withdraw(account))
        await self._read()
        await self._hooks.left(account)
        _log.info("%s:%s opted out", account.platform, account.key)
        await asked.answer.say(say(language, "out", count=count))

    async def _opt_in(self, asked: Commanded) -> None:
        account, language = asked.account, await self._language(asked.chat.id)
        if await self._is_refused(asked, language):
            return
        if account_digest(account) not in self._out:
            await asked.answer.say(say(language, "already_in"))
            return
        count = await self._reach(lambda archive: archive.readmit(account))
        self._leaving -= {account_digest(account)}
        await self._read()
        _log.info("%s:%s opted in", account.platform, account.key)
        await asked.answer.say(say(language, "in", count=count))

    async def _forget_me(self, asked: Commanded) -> None:
        language = await self._language(asked.chat.id)
        if await self._is_refused(asked, language):
            return
        if asked.words.strip():
            await self._confirm(asked, language)
            return
        token = self._open_question(asked.account)
        button = Button(say(language, "yes"), FORGET_ME.name, token)
        await asked.answer.say(say(language, "ask", token=token), [button])

    async def _confirm(self, asked: Commanded, language: str) -> None:
        """Forget, where it was this very account that was asked, and not long ago."""
        token = asked.words.strip()
        open_, account = self._asked.get(token), asked.account
        if open_ is not None and open_.account != (account.platform, account.key):
            return  # somebody else's button; whose it is may still press it
        self._asked.pop(token, None)
        if open_ is None or open_.until < self._clock():
            await asked.answer.say(say(language, "expired"))
            return
        self._forgetting.note(account)
        self._gone |= {account_digest(account)}
        await asked.answer.say(say(language, "forgetting"))
        self._begin(account, asked, language)

    def _begin(self, account: Account, asked: Commanded | None, language: str) -> None:
        task = asyncio.get_running_loop().create_task(self._forget(account, asked, language))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _forget(self, account: Account, asked: Commanded | None, language: str) -> None:
        """All of it, after it was noted; what fails is tried again at the next start."""
        try:
            await self._reach(lambda archive: archive.withdraw(account))  # out of sight at once
            await self._hooks.left(account)
            await self._forgetting.run(account)
            await self._hooks.left(account)  # others' words name them no more
            outcome = "forgotten"
        except AtselfError as error:
            outcome = "failed"
            _log.error("%s:%s could not be forgotten: %s", account.platform, account.key, error)
            if self._hooks.failed:
                await self._hooks.failed(f"somebody could not be forgotten yet: {error}")
        await self._read()
        if asked is not None:
            await asked.answer.say(say(language, outcome))

    async def _is_refused(self, asked: Commanded, language: str) -> bool:
        """Whether this account has nothing to choose: it is @self's, or forgotten; it is told."""
        account = asked.account
        if account_digest(account) in self._gone:
            await asked.answer.say(say(language, "gone"))
            return True
        if await self._reach(lambda archive: archive.is_self(account)):
            await asked.answer.say(say(language, "self", name=self._name))
            return True
        return False

    def _open_question(self, account: Account) -> str:
        now = self._clock()
        self._asked = {key: one for key, one in self._asked.items() if one.until >= now}
        while len(self._asked) >= MOST_OPEN:
            self._asked.pop(next(iter(self._asked)))
        token = self._token()
        self._asked[token] = _Asked((account.platform, account.key), now + VALID)
        return token

    async def _language(self, chat: str) -> str:
        if chat not in self._languages:
            recent = await self._reach(
                lambda archive: archive.history(chat, before=self._clock(), limit=SAMPLE)
            )
            self._languages[chat] = language_of(message.text for message in recent)
        return self._languages[chat]

    async def _read(self) -> None:
        out, gone = await self._reach(lambda archive: archive.refused())
        noted = frozenset(map(account_digest, self._forgetting.open()))
        self._out, self._gone = out, gone | noted
        self._leaving -= out
