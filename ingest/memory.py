"""What recall would have shown at the time, for training: word search, strictly earlier, not here.

A share of the training windows carries such lines, so that the model learns what ``[memory]`` is
for. Word search needs no model, which keeps datasets quick to build and the same everywhere.
"""

from __future__ import annotations

from datetime import datetime

from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Message, Window
from ingest.clean import is_noise, is_unlearnable
from ingest.plan import Recaller
from ingest.prompt import line_of

QUERY_LINES = 3
MOST_CHARACTERS = 240


def recaller(archive: Archive, settings: Settings) -> Recaller:
    """A function from a window to the lines its ``[memory]`` would show."""
    limit = settings.recall.passages
    me = archive.me().handle
    dated = {chat.id for chat in archive.chats() if chat.has_times}

    def recall(window: Window) -> tuple[str, ...]:
        shown = {line.message_id for turn in window.turns for line in turn.lines}
        query, start = _query(window), min(_instants(window), default=None)
        if start is None or not query:
            return ()
        found = archive.search(query, chat=window.chat, before=start, limit=limit * 4)
        useful = [m for m, _score in found if m.id not in shown and _says_something(m)]
        return tuple(memory_line(m, me, is_dated=m.chat in dated) for m in useful[:limit])

    return recall


def memory_line(message: Message, me: str, *, is_dated: bool) -> str:
    """A labelled line: ``2025-09-03 @self: …``; plain logs have no dates worth showing."""
    line = line_of(message, me=me)
    text = " ".join(line.text.split())[:MOST_CHARACTERS]
    date = f"{message.sent_at:%Y-%m-%d} " if is_dated else ""
    return f"{date}@{line.handle}: {text}"


def _query(window: Window) -> str:
    """The last lines before the last reply: what it answers."""
    last = max(i for i, turn in enumerate(window.turns) if turn.is_target)
    asked = [line.text for turn in window.turns[:last] if not turn.is_self for line in turn.lines]
    return " ".join(asked[-QUERY_LINES:])


def _instants(window: Window) -> list[datetime]:
    return [line.sent_at for turn in window.turns for line in turn.lines if line.sent_at]


def _says_something(message: Message) -> bool:
    return is_noise(message) is None and is_unlearnable(message) is None
