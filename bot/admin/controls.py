"""What the admins' commands ask of the running bot; the hub answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.platforms.base import Button
from ingest.chat import Account


class Judged(Protocol):
    """What the gate decided, as far as it is told (``bot.gate.Decision``)."""

    @property
    def verdict(self) -> str:
        """``answer`` or ``silent``."""
        ...

    @property
    def reasons(self) -> Sequence[str]:
        """Plain words with figures, never what anybody said."""
        ...

    @property
    def score(self) -> float:
        """What the scorer gave it."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """One decision: about which message (its id), when, and what became of it in plain words."""

    message: str
    at: datetime
    decision: Judged
    outcome: str = ""


class Controls(Protocol):
    """The running bot, as admins handle it."""

    def status(self) -> Mapping[str, object]:
        """The parts of the bot: a name, and a mapping that says how it is.

        Each mapping has ``is_well`` (bool) and ``state`` (plain words); what else it has are
        figures by name. Parts: ``model`` (with ``version``), ``queue``, ``archive``, and one per
        platform. Never what anybody said, never a secret.
        """
        ...

    def decisions(self, chat: str) -> Sequence[Told]:
        """The latest decisions in a chat, newest last."""
        ...

    async def reload(self, version: str | None) -> str:
        """Let another version speak from now on (None: the one the registry says serves).

        Returns its name, once it has spoken a self-test. Raises AtselfError where it cannot; the
        one before goes on.
        """
        ...

    async def changed(self, what: str) -> None:
        """Another process changed ``archive`` or ``index``: what was read of it is out of date."""
        ...

    async def let_go(self, account: Account) -> None:
        """Nothing that somebody said may be used any more: not what is in memory, nor in work."""
        ...

    async def notify(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Tell every admin in private."""
        ...

    def stop(self) -> None:
        """Begin to stop, gracefully; returns at once."""
        ...
