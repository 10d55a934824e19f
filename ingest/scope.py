"""Where a search may look: the borders between conversations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.chat import Conversation

WRITING = "writing"
"""The platform of @self's own writings: nobody else speaks there."""


@dataclass(frozen=True, slots=True)
class Scope:
    """All that was said in ``chats``, and what @self alone said in ``own``.

    ``chats`` None is everything, which only the owner of the archive may see.
    """

    chats: tuple[str, ...] | None
    own: tuple[str, ...] = ()

    @classmethod
    def of(cls, chat: str) -> Scope:
        """One chat and nothing else."""
        return cls((chat,))

    @classmethod
    def around(cls, chat: str, known: Iterable[Conversation], shareable: Iterable[str]) -> Scope:
        """What may be told in ``chat``: what was said there, @self's writings, and what @self said
        in chats marked ``shareable``. What was said in private chats stays there, however marked.
        """
        wanted = set(shareable)
        others = [other for other in known if other.id != chat]
        return cls(
            (chat, *(other.id for other in others if is_writing(other))),
            tuple(o.id for o in others if o.id in wanted and is_shared(o)),
        )

    def may_show(self, chat: str, *, is_own: bool) -> bool:
        """Whether words from ``chat`` may be shown; ``is_own``: they are all @self's."""
        return self.chats is None or chat in self.chats or (is_own and chat in self.own)


EVERYWHERE = Scope(None)


def is_writing(chat: Conversation) -> bool:
    """Whether this is a text of @self's and no conversation."""
    return chat.platform == WRITING


def is_shared(chat: Conversation) -> bool:
    """Whether marking it shareable means anything."""
    return not chat.is_private and not is_writing(chat)
