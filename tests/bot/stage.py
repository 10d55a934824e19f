"""A platform that a test plays on, and a clock that a test moves."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from bot.errors import BotError
from bot.platforms.base import Address, Button, Heard, Outgoing, Post, Sent, Word
from ingest.chat import Account, Conversation, RawMessage

PLATFORM = "stage"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Calendar:
    """Time that passes only when a test lets it: ``now`` and ``sleep`` for a :class:`Clock`."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._waiting: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = count()

    @property
    def sleepers(self) -> int:
        """How many wait for time to pass."""
        return sum(not future.done() for _, _, future in self._waiting)

    def now(self) -> datetime:
        """The instant it is."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until that much time has passed."""
        future = asyncio.get_running_loop().create_future()
        until = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._waiting, (until, next(self._order), future))
        await future

    async def to(self, instant: datetime, settled: Callable[[], bool]) -> None:
        """Let time pass up to an instant, waking sleepers one by one in their order.

        ``settled`` says whether all that was woken has come to rest.
        """
        await self._rest(settled)
        while self._waiting and self._waiting[0][0] <= instant:
            until, _, future = heapq.heappop(self._waiting)
            self._now = max(self._now, until)
            if not future.done():
                future.set_result(None)
                await self._rest(settled)
        self._now = max(self._now, instant)

    async def _rest(self, settled: Callable[[], bool]) -> None:
        for turn in count():
            await asyncio.sleep(0 if turn % 8 else 0.0002)  # threads work beside the loop
            if settled():
                return


class StageNotice:
    """What the bot said of its own accord, all versions of it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.buttons: Sequence[Button] = ()

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Keep it."""
        self.texts.append(text)
        self.buttons = buttons


class Stage:
    """A platform in memory: what is sent is kept, what is said is made by :meth:`line`."""

    name = PLATFORM
    account = Account(PLATFORM, "bot", "Stagebot", is_bot=True)
    trouble = ""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._ids = count(1)
        self.sent: list[Outgoing] = []
        self.arrived: dict[str, Sent] = {}
        self.announced: list[tuple[str, str]] = []
        self.notices: list[tuple[str, str]] = []
        self.left: list[str] = []
        self.typed: list[str] = []
        self.refuses: Callable[[Outgoing], BotError | None] = lambda _outgoing: None

    def line(
        self,
        who: str,
        text: str,
        *,
        chat: str = "hall",
        address: Address = Address.NONE,
        topic: str | None = None,
        reply_to: str | None = None,
        is_bot: bool = False,
        at: datetime | None = None,
    ) -> Heard:
        """A message said now (or ``at``) in one of the stage's chats."""
        conversation = Conversation(f"{PLATFORM}:{chat}", chat.title(), PLATFORM)
        message = RawMessage(
            id=f"{conversation.id}:{next(self._ids)}",
            chat=conversation,
            author=Account(PLATFORM, who, who.capitalize(), is_bot=is_bot),
            sent_at=at or self._now(),
            text=text,
            reply_to=reply_to,
        )
        return Heard(message, address, topic)

    def texts(self, chat: str = "hall") -> list[str]:
        """What was sent to a chat."""
        return [one.text for one in self.sent if one.chat == f"{PLATFORM}:{chat}"]

    async def run(self, post: Post, ready: Callable[[str], None]) -> None:
        """Be there until cancelled."""
        ready("stage: here")
        await asyncio.Event().wait()

    async def send(self, outgoing: Outgoing) -> Sent:
        """Keep what is sent."""
        if error := self.refuses(outgoing):
            raise error
        self.sent.append(outgoing)
        sent = Sent(f"{outgoing.chat}:{next(self._ids)}", self._now())
        self.arrived[outgoing.key] = sent
        return sent

    async def find(self, outgoing: Outgoing) -> Sent | None:
        """What arrived."""
        return self.arrived.get(outgoing.key)

    def longest(self, text: str) -> int:
        """A thousand characters."""
        return min(len(text), 1000)

    async def typing(self, chat: str, topic: str | None = None) -> None:
        """Keep who was shown it."""
        self.typed.append(chat)

    async def notify(self, account: str, text: str, buttons: Sequence[Button] = ()) -> StageNotice:
        """Keep what admins are told."""
        self.notices.append((account, text))
        return StageNotice()

    async def announce(self, chat: str, text: str) -> None:
        """Keep it."""
        self.announced.append((chat, text))

    async def leave(self, chat: str) -> None:
        """Keep it."""
        self.left.append(chat)

    async def offer(self, words: Sequence[Word]) -> None:
        """A stage has no menus."""
