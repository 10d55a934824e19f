"""Messages of text exports whose people have names only and whose messages have no ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ingest.chat import Account, Attachment, Conversation, RawMessage
from ingest.parsers.base import Repeats, digest, kind_of
from ingest.parsers.mentions import Nicknames

MAX_LINES = 20_000
"""Of one message; what is longer is no message but a file of another kind."""


class RepeatsAtOnce:
    """Ids as `Repeats` gives them, of messages that come in the order of their instants.

    Only those of one instant can be alike, so no more than these are remembered.
    """

    def __init__(self) -> None:
        self._instant: datetime | None = None
        self._repeats = Repeats()

    def id(self, instant: datetime, *parts: object) -> str:
        """The id of the next message, sent at ``instant`` and made of ``parts``."""
        if instant != self._instant:
            self._instant, self._repeats = instant, Repeats()
        return self._repeats.id(instant.isoformat(), *parts)


@dataclass
class NamedLog:
    """One chat while it is read."""

    chat: Conversation
    repeats: RepeatsAtOnce = field(default_factory=RepeatsAtOnce)
    nicknames: Nicknames = field(default_factory=Nicknames)

    def message(
        self,
        sent_at: datetime,
        name: str,
        text: str,
        attachments: tuple[Attachment, ...] = (),
        line: int | None = None,
        *,
        is_self: bool = False,
    ) -> RawMessage:
        """A message whose id is its author, instant and content, and the how-manyth time."""
        author = Account(self.chat.platform, f"name:{name}", name, is_self=is_self)
        self.nicknames.add(author)
        shown = [f"{attachment.placeholder} {attachment.file}" for attachment in attachments]
        key = self.repeats.id(sent_at, author.key, text, *shown)
        return RawMessage(
            id=f"{self.chat.id}:{key}",
            chat=self.chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            mentions=self.nicknames.mentioned(text),
            attachments=attachments,
            line=line,
        )


def titled(platform: str, title: str, *, is_private: bool = False) -> Conversation:
    """A chat that only its title tells apart from others."""
    return Conversation(f"{platform}:{digest(title)}", title, platform, is_private)
