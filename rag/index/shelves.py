"""Shelves: what may be found together. A search reads whole shelves and nothing beside them.

Every chat has a shelf of its own. On the shelf ``shared`` stands what may be told anywhere: own
writings, and statements of @self from chats marked ``recall.shareable``. What was said in private
never gets there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ingest.chat import Conversation, Thread
from ingest.chunks import Chunk, chunks_of, statements_of
from ingest.scope import is_shared, is_writing

SHARED = "shared"
"""No chat is called so: their ids are ``platform:native-id``."""


@dataclass(frozen=True, slots=True)
class Shelving:
    """Where the passages of a chat stand, and whether @self's statements are also shared."""

    shelf: str
    has_statements: bool

    @classmethod
    def of(cls, chat: Conversation, shareable: Collection[str]) -> Shelving:
        """As the chat is now and the settings say."""
        is_marked = chat.id in shareable and is_shared(chat)
        is_open = is_writing(chat) and not chat.is_private
        return cls(SHARED if is_open else chat.id, is_marked)

    def place(self, thread: Thread) -> Iterator[tuple[str, Chunk]]:
        """The passages of a thread, each with its shelf."""
        for chunk in chunks_of(thread):
            yield self.shelf, chunk
        if self.has_statements:
            for chunk in statements_of(thread):
                yield SHARED, chunk
