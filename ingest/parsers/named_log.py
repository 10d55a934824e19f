"""Messages of text exports whose people have names only and whose messages have no ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ingest.chat import Account, Attachment, Conversation, RawMessage
from ingest.parsers.base import DailyRepeats, digest, kind_of
from ingest.parsers.mentions import Nicknames

MAX_LINES = 20_000
"""Of one message; what is longer is no message but a file of another kind."""


@dataclass
class NamedLog:
    """One chat while it is read."""

    chat: Conversation
    repeats: DailyRepeats = field(default_factory=DailyRepeats)
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
        key = self.repeats.id(sent_at.date(), sent_at.isoformat(), author.key, text, *shown)
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
