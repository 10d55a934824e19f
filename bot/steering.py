"""The running bot as its admins see and steer it (``bot.admin.controls.Controls``)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.admin.controls import Told
from bot.gating.learned import Standing
from bot.guarding.guardian import Guardian
from bot.hub import Hub
from bot.platforms.base import Button, Platform, platform_of
from bot.recorder import Recorder
from bot.thinking import Thinking
from ingest.chat import Account

_log = logging.getLogger("atself.hub")
_AGAIN = timedelta(minutes=30)
"""The same trouble is told so often at most."""


@dataclass
class Steering:
    """What commands and schedule ask of the bot; ``states`` says how each platform is."""

    platforms: Mapping[str, Platform]
    thinking: Thinking
    recorder: Recorder
    admins: Sequence[str]
    now: Callable[[], datetime]
    stopping: asyncio.Event
    hub: Hub | None = None
    gate: Standing | None = None
    guardian: Guardian | None = None
    states: dict[str, tuple[bool, str]] = field(default_factory=dict)
    _told: dict[str, datetime] = field(default_factory=dict)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def status(self) -> Mapping[str, object]:
        """The parts of the bot and how they are; see the protocol."""
        rooms = self.hub.house.rooms if self.hub else ()
        busy = sum(room.is_busy for room in rooms)
        stats = self.thinking.worker.stats
        parts: dict[str, object] = {
            "model": {
                "is_well": bool(stats.model),
                "state": "speaking" if stats.current else "ready",
                "version": stats.model,
                "answered": stats.answered,
                "failed": stats.failed,
                "tokens_per_second": round(stats.tokens_per_second, 1),
            },
            "queue": {
                "is_well": True,
                "state": "busy" if stats.queued else "free",
                "waiting": stats.queued,
                "conversations in work": busy,
            },
            "archive": {
                "is_well": self.recorder.is_alive,
                "state": "open" if self.recorder.is_alive else "stopped",
                "messages to write": self.recorder.waiting,
            },
        }
        if self.guardian is not None:
            parts["guards"] = self.guardian.status()
        for name, platform in self.platforms.items():
            is_well, state = self.states.get(name, (False, "signing in"))
            trouble = platform.trouble if is_well else ""
            parts[name] = {"is_well": is_well and not trouble, "state": trouble or state}
        return parts

    def decisions(self, chat: str) -> Sequence[Told]:
        """The latest decisions in a chat, newest last."""
        rooms = self.hub.house.open_rooms(chat) if self.hub else ()
        told = [one for room in rooms for one in room.told]
        return sorted(told, key=lambda one: one.at)

    async def reload(self, version: str | None) -> str:
        """Let another version speak, and the gate be what was learned last.

        The version before goes on where it cannot.
        """
        if self.gate is not None:
            await asyncio.to_thread(self.gate.reload)
        return await self.thinking.reopen(version)

    async def changed(self, what: str) -> None:
        """Another process wrote the archive, the index, which are followed, or the gate."""
        _log.info("%s: changed by a job", what)
        if what == "gate" and self.gate is not None:
            await asyncio.to_thread(self.gate.reload)

    async def notify(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Tell every admin in private."""
        for admin in self.admins:
            platform = self.platforms.get(platform_of(admin))
            if platform is not None and platform.account is not None:
                await platform.notify(admin, text, buttons)

    def warn(self, kind: str, text: str) -> None:
        """Tell the admins of trouble, of each kind now and then."""
        now = self.now()
        if kind in self._told and now - self._told[kind] < _AGAIN:
            return
        self._told[kind] = now
        task = asyncio.ensure_future(self.notify(text))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def let_go(self, account: Account) -> None:
        """Nothing of somebody may be used any more."""
        if self.hub is not None:
            await self.hub.let_go(account)

    def stop(self) -> None:
        """Begin to stop."""
        self.stopping.set()
