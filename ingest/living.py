"""What happens to an archive while its chats go on, beyond messages that come and go."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from ingest import finished
from ingest.changes import HOUR, note_hours, note_messages
from ingest.chat import Account, Conversation, Person, Reaction
from ingest.database import explained, immediate, touch
from ingest.following import Following
from ingest.schema import WHOLE_CHAT


class Living(Following):
    """The part of an archive that follows chats as they go on."""

    _version = 0

    def follow(self) -> None:
        """Take in whom other processes met, merged or forgot since the last call."""
        with explained("archive"):
            [(version,)] = self._rows("PRAGMA data_version")
            if version != self._version:
                self._roster.reload()
                self._version = version

    def know(self, account: Account) -> Person:
        """The person of an account, who need not have said anything yet."""
        with explained("archive"), self._writing():
            id = self._roster.resolve(account)
            if account.is_bot and not self._roster.entries[id].is_bot:
                self._roster.mark(id, is_bot=True)
        return self._roster.person(id)

    def react(self, id: str, reactions: Sequence[Reaction]) -> None:
        """The reactions under a message are now these; nothing where it is not known."""
        pairs = [[reaction.emoji, reaction.count] for reaction in reactions]
        written = orjson.dumps(pairs).decode() if pairs else None
        sql = "UPDATE message SET reactions = ? WHERE key = ? AND reactions IS NOT ?"
        with explained("archive"), immediate(self._connection):
            self._connection.execute(sql, (written, id, written))

    def move(self, old: str, new: Conversation) -> None:
        """A chat goes on under another id: one conversation, whichever of the two is known."""
        with explained("archive"), self._writing():
            rows = dict(self._rows("SELECT key, id FROM chat WHERE key IN (?, ?)", [old, new.id]))
            if old not in rows or old == new.id:
                return
            if new.id in rows:
                self._join(rows[old], rows[new.id])
            else:
                sql = "UPDATE chat SET key = ?, title = ? WHERE id = ?"
                self._connection.execute(sql, (new.id, new.title, rows[old]))
                note_hours(self._connection, [(rows[old], WHOLE_CHAT * HOUR)])
            finished.invalidate(self._connection)
            touch(self._connection)
        self._roster.reload()

    def _join(self, old: int, new: int) -> None:
        """Put the messages of one chat's row to another's; the caller's transaction."""
        ids = self._rows("SELECT id FROM message WHERE chat = ?", [old])
        moved = [id for (id,) in ids]
        execute = self._connection.execute
        for table in ("message", "withheld"):
            execute(f"UPDATE {table} SET chat = ? WHERE chat = ?", (new, old))
        note_messages(self._connection, moved)
        execute(
            "INSERT INTO member SELECT ?, person, since, until FROM member WHERE chat = ? "
            "ON CONFLICT DO UPDATE SET since = min(since, excluded.since), "
            "until = max(until, excluded.until)",
            (new, old),
        )
        for table in ("member", "linked", "change"):
            execute(f"DELETE FROM {table} WHERE chat = ?", (old,))
        execute("DELETE FROM linked WHERE chat = ?", (new,))
        execute("DELETE FROM chat WHERE id = ?", (old,))
