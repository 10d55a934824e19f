"""What is asked of the worker, and the order in which it is answered."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from itertools import count

from bot.errors import SpeakingFailed
from bot.generation import never
from bot.responder import Answer
from ingest.chat import Message


class Priority(IntEnum):
    """How urgent a question is, the most urgent first."""

    ADDRESSED = 0
    OVERHEARD = 1


@dataclass(frozen=True, slots=True)
class Question:
    """The last message of ``history`` (oldest first) is to be answered as @self.

    ``now`` is the moment recall looks back from. ``cancelled`` is asked from the worker's thread,
    often. After ``deadline`` (by the worker's clock) nobody wants the answer any more.
    """

    history: Sequence[Message]
    chat: str
    topic: str | None
    now: datetime
    seed: int
    priority: Priority = Priority.ADDRESSED
    deadline: datetime | None = None
    cancelled: Callable[[], bool] = never


@dataclass(slots=True)
class Job:
    """A question on its way; ``is_dropped`` once nobody waits for the answer."""

    question: Question
    asked_at: datetime
    answer: Future[Answer] = field(default_factory=Future)
    is_dropped: bool = False

    def begin(self) -> bool:
        """Whether somebody still waits; from here on the waiting is no longer broken off."""
        return self.answer.running() or self.answer.set_running_or_notify_cancel()


class Queue:
    """Questions that wait, at most ``most``: the most urgent first, of those the oldest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, int, Job]] = []
        self._numbers = count()
        self._changed = threading.Condition()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, job: Job) -> Job | None:
        """Add a job; the least urgent, where there are too many now. Raises SpeakingFailed."""
        with self._changed:
            if self._is_closed:
                raise SpeakingFailed("the bot is being stopped; it answers again once it runs")
            if len(self._heap) >= self._most:
                self._heap = [entry for entry in self._heap if not entry[2].is_dropped]
                heapq.heapify(self._heap)
            heapq.heappush(self._heap, (job.question.priority, next(self._numbers), job))
            self._changed.notify()
            return self._without_last() if len(self._heap) > self._most else None

    def get(self, is_leaving: Callable[[], bool] = never) -> Job | None:
        """Wait for the next job; None once closed, or where ``is_leaving`` when woken."""
        with self._changed:
            self._changed.wait_for(lambda: self._heap or self._is_closed or is_leaving())
            return heapq.heappop(self._heap)[2] if self._heap and not is_leaving() else None

    def wake(self) -> None:
        """Let a waiting ``get`` see whether it is to leave."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> list[Job]:
        """Take no more; what was waiting."""
        with self._changed:
            self._is_closed = True
            left = [job for *_order, job in sorted(self._heap, key=lambda entry: entry[:2])]
            self._heap.clear()
            self._changed.notify_all()
            return left

    def _without_last(self) -> Job:
        last = max(self._heap, key=lambda entry: entry[:2])
        self._heap.remove(last)
        heapq.heapify(self._heap)
        return last[2]
