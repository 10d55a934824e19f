"""What was thought of the bot's replies: thumbs, and what @self said instead. Ids alone.

The texts are the archive's messages: what is removed, forgotten or withheld there is gone here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from ingest.database import explained, immediate, instant, millis
from ingest.following import Following


@dataclass(frozen=True, slots=True)
class Feedback:
    """About the reply to the message ``answered``, by ids as in the archive.

    ``reply`` are the bot's messages, ``context`` what the model was shown, oldest first.
    ``verdict`` is 1 where it was liked, −1 where not, else 0; ``correction`` is what @self answered
    to it.
    """

    answered: str
    reply: tuple[str, ...]
    context: tuple[str, ...]
    at: datetime
    verdict: int = 0
    correction: str | None = None


class Judged(Following):
    """The part of an archive that remembers what was thought of replies."""

    def note_feedback(self, found: Feedback) -> None:
        """Keep it in place of what was known of that reply; a first correction stands."""
        ids = (json.dumps(found.reply), json.dumps(found.context))
        row = (found.answered, *ids, millis(found.at), found.verdict, found.correction)
        with explained("archive"), immediate(self._connection):
            self._connection.execute(
                "INSERT INTO feedback VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "reply = excluded.reply, verdict = excluded.verdict, "
                "correction = coalesce(correction, excluded.correction)",
                row,
            )
            self._connection.execute(
                "DELETE FROM feedback WHERE verdict = 0 AND correction IS NULL"
            )

    def feedback(self) -> list[Feedback]:
        """All that is known, in the order of the replies."""
        rows = self._rows(
            "SELECT answered, reply, context, at, verdict, correction FROM feedback "
            "ORDER BY at, answered"
        )
        return [
            Feedback(
                answered,
                tuple(json.loads(reply)),
                tuple(json.loads(context)),
                instant(at),
                verdict,
                correction,
            )
            for answered, reply, context, at, verdict, correction in rows
        ]
