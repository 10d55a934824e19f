"""Telling systemd that the bot is ready, alive and stopping, see sd_notify(3).

One datagram to the socket that ``NOTIFY_SOCKET`` names; without it nothing is told.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who started this process; ``watchdog`` is how long it may be silent, in seconds."""

    address: str = ""
    watchdog: float = 0.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The supervisor an environment names, or one that hears nothing."""
        micros = environment.get("WATCHDOG_USEC", "")
        watchdog = int(micros) / 1e6 if micros.isdigit() else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), watchdog)

    def ready(self) -> None:
        """The bot is up."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """The bot goes down, as it was asked to."""
        self._tell("STOPPING=1")

    async def beat(self) -> None:
        """Say that the event loop turns, until cancelled; returns at once where nobody waits."""
        while self.address and self.watchdog:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 2)

    def _tell(self, state: str) -> None:
        if not self.address:
            return
        abstract = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)  # a systemd that does not listen must not stop the bot
            line.sendto(state.encode(), abstract)
