"""Sending a message once, whatever the network does.

A refusal is final and a 429 or a failed connection had no effect; but an answer that never came
(a timeout, a reset, a 5xx) leaves open whether the message arrived. The Bot API has no key for a
request and no way to read a chat, so it is looked for: messages of a supergroup are numbered one by
one, and editing a message of the bot's own gives it back, while one of somebody else "can't be
edited" and one that is not there is "not found". What is edited is the keyboard under it: a button
is put there and taken away again, which changes no word. So the numbers after the newest known
before the first try are asked, at most ``MOST_LOOKED``, leaving out those that came as updates and
those known to be the bot's own; the one that has the text is the message.

Every message is noted before it is sent and settled before the next one in its chat, also after a
crash. What remains: a request still on its way after ``Patience.settle`` may arrive after it was
looked for; where the bot does not see a group's messages (privacy mode) the numbers may be further
off than is looked; a notice whose state was lost may lose its buttons.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bot.errors import Undeliverable, Unreachable
from bot.platforms.base import Sent
from bot.platforms.telegram.client import LOG, Client, Patience, pause_of, reason, was_not_sent
from bot.platforms.telegram.ids import chat_key, message_key
from bot.platforms.telegram.letters import Letter, Positions, packed, unpacked
from bot.platforms.telegram.state import BOX, Memory

MOST_LOOKED = 12
_ABSENT_IN_A_ROW = 3
_MARK = InlineKeyboardMarkup([[InlineKeyboardButton("…", callback_data="-")]])
_PLAIN = LinkPreviewOptions(is_disabled=True)


class Sender:
    """Sends letters, one at a time in each chat."""

    def __init__(
        self,
        client: Client,
        memory: Memory,
        patience: Patience,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
        on_move: Callable[[int, int], Awaitable[None]],
    ) -> None:
        self._client, self._memory, self._patience = client, memory, patience
        self._clock, self._sleep, self._on_move = clock, sleep, on_move
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.positions = Positions()

    async def send(self, letter: Letter) -> Sent:
        """Send it once; raises Undeliverable or Unreachable."""
        letter = self._addressed(letter)
        async with self._turns[letter.chat]:
            known = self._memory.sent(letter.key) if letter.key else None
            return known or await self._settled(letter) or await self._deliver(letter)

    async def find(self, letter: Letter) -> Sent | None:
        """What an earlier try became; raises Unreachable where that cannot be told now."""
        letter = self._addressed(letter)
        async with self._turns[letter.chat]:
            known = self._memory.sent(letter.key) if letter.key else None
            return known or await self._settled(letter) or await self._looked_for(letter)

    def _addressed(self, letter: Letter) -> Letter:
        """To where the chat is now."""
        return replace(letter, chat=chat_key(self._memory.chat_id(letter.chat)))

    async def _looked_for(self, letter: Letter) -> Sent | None:
        own = self._memory.newest_own(self._memory.chat_id(letter.chat))
        baseline = own if letter.after is None else letter.after
        return await self._found(letter, baseline, self._deadline())

    async def edit(self, chat: str, number: int, letter: Letter) -> None:
        """Rewrite a message of the bot's; raises TelegramError where that is refused."""
        tries, deadline = 0, self._deadline()
        while True:
            try:
                await self._rewrite(letter, self._memory.chat_id(chat), number)
            except BadRequest as error:
                if "not modified" not in error.message.lower():
                    raise
            except (Forbidden, InvalidToken, ChatMigrated):
                raise
            except TelegramError as error:
                await self._wait(error, tries, deadline)
                tries += 1
                continue
            return

    def _deadline(self) -> datetime:
        return self._clock() + timedelta(seconds=self._patience.total)

    async def _settled(self, letter: Letter) -> Sent | None:
        """Look for what earlier tries in this chat left open, before anything new is sent there.

        Otherwise a message of the bot's own would be there that is not known to be.
        """
        doubted = self._memory.doubted(letter.chat)
        if doubted is None:
            return None
        doubtful, baseline = unpacked(doubted)
        found = await self._found(doubtful, baseline, self._deadline())
        self._memory.no_doubt(letter.chat)
        return found if letter.key and letter.key == doubtful.key else None

    async def _deliver(self, letter: Letter) -> Sent:
        tries, deadline = 0, self._deadline()
        baseline = self._baseline(letter)
        letter = replace(letter, tried_at=letter.tried_at or self._clock())
        while True:
            self._memory.doubt(letter.chat, packed(letter, baseline))
            try:
                return self._arrived(letter, await self._request(letter))
            except TelegramError as error:
                if again := await self._again(letter, error):
                    letter = again
                    continue
                await self._wait(error, tries, deadline)
                if not was_not_sent(error):
                    await self._sleep(self._patience.settle)
                    if found := await self._found(letter, baseline, deadline):
                        return found
            tries += 1

    async def _again(self, letter: Letter, error: TelegramError) -> Letter | None:
        """The letter to try at once instead; raises Undeliverable for what is final."""
        if isinstance(error, ChatMigrated):
            await self._on_move(self._memory.chat_id(letter.chat), error.new_chat_id)
            return letter
        if isinstance(error, BadRequest) and (letter.entities or letter.quote):
            LOG.warning("telegram: sent bare to %s (%s)", letter.chat, reason(error))
            return replace(letter, entities=(), quote=None)
        if isinstance(error, BadRequest | Forbidden):
            self._memory.no_doubt(letter.chat)
            raise Undeliverable(f"{letter.chat}: {reason(error)}; may the bot write there?")
        return None

    async def _request(self, letter: Letter) -> Message:
        quote = letter.quote and ReplyParameters(letter.quote, allow_sending_without_reply=True)
        topic = letter.topic if letter.topic not in (None, "1") else None
        return await self._client.send_message(
            self._memory.chat_id(letter.chat),
            letter.text,
            entities=letter.entities or None,
            message_thread_id=int(topic) if topic else None,
            reply_parameters=quote or None,
            reply_markup=letter.markup,
            link_preview_options=_PLAIN,
        )

    def _arrived(self, letter: Letter, message: Message) -> Sent:
        return self._kept(letter, message.chat.id, message.message_id, message.date)

    def _kept(self, letter: Letter, chat: int, number: int, at: datetime) -> Sent:
        self._memory.note_own(chat, number, at, letter.key)
        self._memory.no_doubt(letter.chat)
        return Sent(message_key(chat, number), at)

    async def _wait(self, error: TelegramError, tries: int, deadline: datetime) -> None:
        pause = pause_of(error, self._patience, tries)
        # PTB raises RuntimeError inside once the client is closed: this process is ending.
        is_final = isinstance(error, InvalidToken) or isinstance(error.__cause__, RuntimeError)
        if is_final or self._clock() + timedelta(seconds=pause) > deadline:
            raise Unreachable(f"telegram: no answer in time ({reason(error, self._client.token)})")
        level = LOG.info if isinstance(error, RetryAfter) else LOG.warning
        level("telegram: try %d again in %g s (%s)", tries + 1, pause, reason(error))
        await self._sleep(pause)

    def _baseline(self, letter: Letter) -> int | None:
        """The newest number known in the chat before the first try."""
        chat = self._memory.chat_id(letter.chat)
        box = self._memory.box(chat)
        heard = None if box is None else self.positions.newest(box)
        marks = (letter.after, heard, self._memory.newest_own(chat))
        known = [number for number in marks if number is not None]
        return max(known, default=None)

    async def _found(self, letter: Letter, baseline: int | None, deadline: datetime) -> Sent | None:
        """Where a message that may have arrived is; None where it is not found."""
        chat = self._memory.chat_id(letter.chat)
        box = self._memory.box(chat)
        if box is None or baseline is None:
            return None
        known = self._memory.own(chat, baseline) | self.positions.seen(box)
        newest, looked, absent = self.positions.newest(box) or 0, 0, 0
        for number in count(baseline + 1):
            if number in known:
                absent = 0
                continue
            found = await self._looked_at(letter, chat, number, deadline)
            if isinstance(found, datetime):
                return self._kept(letter, chat, number, found)
            is_beyond = found == "absent" and number > newest
            looked, absent = looked + 1, absent + 1 if is_beyond else 0
            if looked == MOST_LOOKED or (box != BOX and absent == _ABSENT_IN_A_ROW):
                return None
        return None

    async def _looked_at(
        self, letter: Letter, chat: int, number: int, deadline: datetime
    ) -> datetime | str:
        """When the message of this number was sent if it is the letter, else why it is not."""
        try:
            marked = await self._keyboard(chat, number, _MARK, deadline)
            found = await self._keyboard(chat, number, letter.markup, deadline) or marked
        except BadRequest as error:
            text = error.message.lower()
            return "absent" if "not found" in text or "invalid" in text else "other"
        except (Forbidden, ChatMigrated):
            return "other"
        if found is not None and not _is_same(found.text, letter.text):
            self._memory.note_own(chat, number, found.date, None)
            return "other"
        return found.date if found else letter.tried_at or self._clock()

    async def _keyboard(
        self, chat: int, number: int, markup: InlineKeyboardMarkup | None, deadline: datetime
    ) -> Message | None:
        """Put a keyboard under a message; gives the message, None where it was there already."""
        tries = 0
        while True:
            try:
                edited = await self._client.edit_message_reply_markup(
                    chat, number, reply_markup=markup
                )
                return edited if isinstance(edited, Message) else None
            except BadRequest as error:
                if "not modified" in error.message.lower():
                    return None
                raise
            except (Forbidden, ChatMigrated):
                raise
            except TelegramError as error:
                await self._wait(error, tries, deadline)
                tries += 1

    async def _rewrite(self, letter: Letter, chat: int, number: int) -> Message | bool:
        return await self._client.edit_message_text(
            letter.text,
            chat_id=chat,
            message_id=number,
            entities=letter.entities or None,
            reply_markup=letter.markup,
            link_preview_options=_PLAIN,
        )


def _is_same(text: str | None, other: str) -> bool:
    """Telegram keeps no white space at the ends."""
    return (text or "").strip() == other.strip()
