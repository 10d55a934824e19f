"""What whoever follows an archive asks of it: what changed, when messages were sent, how often."""

from __future__ import annotations

from datetime import UTC, datetime

from ingest import changes
from ingest.database import explained, instant, millis
from ingest.people.census import Census

EVER = datetime.min.replace(tzinfo=UTC)
"""Before everything."""
_FIRST = millis(EVER)


class Following(Census):
    """The part of an archive that says what is new."""

    @property
    def revision(self) -> int:
        """A number that grows whenever a message is added, changed or removed."""
        [(value,)] = self._rows("SELECT value FROM meta WHERE key = 'revision'")
        return int(value)

    @property
    def forgets(self) -> int:
        """How many times somebody was forgotten."""
        found = self._rows("SELECT value FROM meta WHERE key = 'forgets'")
        return next((int(value) for (value,) in found), 0)

    def changed_since(self, revision: int) -> dict[str, datetime]:
        """The chats that read otherwise than at ``revision``, and from which instant on."""
        with explained("archive"):
            found = changes.changed_since(self._connection, revision)
        return {chat: instant(at) if at > _FIRST else EVER for chat, at in found.items()}

    def latest_change(self, chat: str, since: int, until: int) -> int:
        """The revision of a chat's last change between two instants (ms, inclusive); 0 for none."""
        with explained("archive"):
            return changes.latest_change(self._connection, chat, since, until)

    def times(self, chat: str) -> list[int]:
        """When each message of a chat was sent, oldest first, in milliseconds since 1970."""
        mine = "chat = (SELECT id FROM chat WHERE key = ?)"
        sql = f"SELECT sent_at FROM message WHERE {mine} ORDER BY sent_at"
        return [at for (at,) in self._rows(sql, [chat])]
