"""Sending a message once, whatever the network does.

A refusal is final and a 429 or a failed connection had no effect; but an answer that never came
(a timeout, a reset, a 5xx) leaves open whether the message arrived. The Bot API has no key for a
request and no way to read a chat, so it is looked for: messages of a supergroup are numbered one by
one, and rewriting a message with the text it already has is refused as "not modified", while one of
somebody else "can't be edited" and one that is not there is "not found". So the numbers after the
newest known before the first try are asked, at most ``MOST_LOOKED``, leaving out those that came as
updates and the bot's own.

What remains: a message of the bot's own that this process does not know of (its state file was
lost, or another program uses the token) would be rewritten to the text that is looked for; a
request still on its way after ``Patience.settle`` may arrive after it was looked for; and where the
bot does not see a group's messages (privacy mode) the numbers may be further off than is looked.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from telegram import (
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    MessageEntity,
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
from bot.platforms.base import Outgoing, Sent
from bot.platforms.telegram.client import LOG, Client, Patience, pause_of, reason, was_not_sent
from bot.platforms.telegram.ids import message_key, message_number
from bot.platforms.telegram.inert import written
from bot.platforms.telegram.state import BOX, Memory

MOST_LOOKED = 12
_ABSENT_IN_A_ROW = 3
_PLAIN = LinkPreviewOptions(is_disabled=True)
_SEEN = 400


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it goes out; ``chat`` in the archive's terms."""

    chat: str
    text: str
    entities: tuple[MessageEntity, ...] = ()
    topic: str | None = None
    quote: int | None = None
    markup: InlineKeyboardMarkup | None = None
    key: str | None = None
    after: int | None = None


def letter_of(outgoing: Outgoing) -> Letter:
    """``outgoing`` as it is sent."""
    text, entities = written(outgoing)
    if not text:
        raise Undeliverable("telegram: there is nothing to send but white space")
    return Letter(
        outgoing.chat,
        text,
        entities,
        outgoing.topic,
        message_number(outgoing.quote),
        key=outgoing.key,
        after=message_number(outgoing.after),
    )


class Positions:
    """The numbers of messages heard of lately, per box (see ``Memory.box``)."""

    def __init__(self) -> None:
        self._seen: dict[int, deque[int]] = {}
        self._newest: dict[int, int] = {}

    def note(self, box: int, number: int) -> None:
        """A message was heard."""
        self._seen.setdefault(box, deque(maxlen=_SEEN)).append(number)
        self._newest[box] = max(number, self._newest.get(box, 0))

    def newest(self, box: int) -> int | None:
        """The highest number heard of."""
        return self._newest.get(box)

    def seen(self, box: int) -> set[int]:
        """The numbers heard lately."""
        return set(self._seen.get(box, ()))


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
        self._doubts: dict[str, dict[str, tuple[Letter, int | None]]] = {}
        self.positions = Positions()

    async def send(self, letter: Letter) -> Sent:
        """Send it once; raises Undeliverable or Unreachable."""
        async with self._turns[letter.chat]:
            known = self._memory.sent(letter.key) if letter.key else None
            return known or await self._settled(letter) or await self._deliver(letter)

    async def find(self, letter: Letter) -> Sent | None:
        """What an earlier try became."""
        async with self._turns[letter.chat]:
            known = self._memory.sent(letter.key) if letter.key else None
            return known or await self._settled(letter) or await self._looked_for(letter)

    async def _looked_for(self, letter: Letter) -> Sent | None:
        own = self._memory.own(self._memory.chat_id(letter.chat), 0)
        baseline = max(own, default=None) if letter.after is None else letter.after
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
        found: Sent | None = None
        for key, (doubtful, baseline) in list(self._doubts.get(letter.chat, {}).items()):
            arrived = await self._found(doubtful, baseline, self._deadline())
            self._doubts.get(letter.chat, {}).pop(key, None)
            found = arrived if key == letter.key else found
        return found

    async def _deliver(self, letter: Letter) -> Sent:
        tries, deadline = 0, self._deadline()
        baseline = self._baseline(letter)
        while True:
            self._doubt(letter, baseline)
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
        if isinstance(error, BadRequest) and letter.entities:
            LOG.warning("telegram: sent without its mention to %s (%s)", letter.chat, reason(error))
            return replace(letter, entities=())
        if isinstance(error, BadRequest | Forbidden):
            self._no_doubt(letter)
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
        self._no_doubt(letter)
        return Sent(message_key(chat, number), at)

    def _doubt(self, letter: Letter, baseline: int | None) -> None:
        key = letter.key or ""
        self._doubts.setdefault(letter.chat, {}).setdefault(key, (letter, baseline))

    def _no_doubt(self, letter: Letter) -> None:
        doubts = self._doubts.get(letter.chat, {})
        for key in [key for key, (one, _) in doubts.items() if one.key == letter.key]:
            del doubts[key]
        if not doubts:
            self._doubts.pop(letter.chat, None)

    async def _wait(self, error: TelegramError, tries: int, deadline: datetime) -> None:
        pause = pause_of(error, self._patience, tries)
        is_final = isinstance(error, InvalidToken)
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
        own = max(self._memory.own(chat, 0), default=None)
        known = [number for number in (letter.after, heard, own) if number is not None]
        return max(known, default=None)

    async def _found(self, letter: Letter, baseline: int | None, deadline: datetime) -> Sent | None:
        """Where a message that may have arrived is; None where it is not found."""
        chat = self._memory.chat_id(letter.chat)
        box = self._memory.box(chat)
        if box is None or baseline is None:
            return None
        known = self._memory.own(chat, baseline) | self.positions.seen(box)
        looked = absent = 0
        for number in count(baseline + 1):
            if number in known:
                absent = 0
                continue
            found = await self._looked_at(letter, chat, number, deadline)
            if isinstance(found, datetime):
                return self._kept(letter, chat, number, found)
            looked, absent = looked + 1, absent + 1 if found == "absent" else 0
            if looked == MOST_LOOKED or (box != BOX and absent == _ABSENT_IN_A_ROW):
                return None
        return None

    async def _looked_at(
        self, letter: Letter, chat: int, number: int, deadline: datetime
    ) -> datetime | str:
        """When the message of this number was sent if it is ours, else why it is not."""
        tries = 0
        while True:
            try:
                changed = await self._rewrite(letter, chat, number)
                return changed.date if isinstance(changed, Message) else self._clock()
            except BadRequest as error:
                text = error.message.lower()
                if "not modified" in text:
                    return self._clock()
                return "absent" if "not found" in text or "invalid" in text else "other"
            except (Forbidden, ChatMigrated):
                return "other"
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
