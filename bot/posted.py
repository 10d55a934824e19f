"""What waits for the writing thread, and how those who posted it are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bot.journal import Journal
from bot.platforms.base import Heard
from ingest.archive import Archive
from ingest.chat import Message
from ingest.errors import ArchiveError


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message as the archive shows it; ``is_new`` where it was not heard before.

    ``message`` is None where its author asked to be forgotten.
    """

    message: Message | None
    is_new: bool


@dataclass(slots=True)
class Hearing:
    """A message to be written."""

    heard: Heard
    is_logged: bool
    done: asyncio.Future[Recorded]


@dataclass(slots=True)
class Call:
    """Anything else to be done on the thread, in its turn."""

    function: Callable[[Archive, Journal], Any]
    done: asyncio.Future[Any]


def stopped() -> ArchiveError:
    """What those are told who come after the thread has ended."""
    return ArchiveError("archive: nothing is written any more, the bot is stopping; start it again")


def grouped(jobs: Sequence[Hearing | Call]) -> list[list[Hearing | Call]]:
    """Hearings that stand together, written together; each call alone, in its turn."""
    groups: list[list[Hearing | Call]] = []
    for job in jobs:
        is_next = groups and isinstance(groups[-1][-1], Hearing) and isinstance(job, Hearing)
        if is_next:
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups


def settle(results: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    """Hand results to the loop of those who wait, in one step."""

    def hand() -> None:
        for done, result in results:
            if not done.done():
                done.set_result(result)

    _on_loop(results[0][0], hand)


def fail(done: asyncio.Future[Any], error: Exception) -> None:
    """Tell one who waits that it failed."""
    _on_loop(done, lambda: None if done.done() else done.set_exception(error))


def _on_loop(done: asyncio.Future[Any], step: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        done.get_loop().call_soon_threadsafe(step)
