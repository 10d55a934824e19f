"""What went out, counted by version, in ``Home.state``: numbers and ids, never a text.

One row per message answered: asked again after a crash, it is counted once. What is thought of a
reply hangs on the ids of its messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.guarding.prints import Print
from bot.guarding.rule import Counts
from bot.state import open_state
from ingest.database import immediate, instant, millis

KEPT = timedelta(days=90)
COMPARED = 300
"""Own messages of a version that a new one is compared with."""
BASELINE = 500
"""Latest replies of the earlier version that a new one is measured by."""
_TABLES = """
CREATE TABLE IF NOT EXISTS guarded (     -- replies, sent or not
    answered TEXT PRIMARY KEY,           -- the id of the message
    version TEXT NOT NULL,
    at INTEGER NOT NULL,                 -- milliseconds since 1970
    context TEXT NOT NULL,               -- JSON list of the ids of what the model was shown
    repeated INTEGER NOT NULL DEFAULT 0,
    leaked INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS guarded_version ON guarded (version, at);
CREATE TABLE IF NOT EXISTS guarded_part (  -- their messages
    id TEXT PRIMARY KEY,
    answered TEXT NOT NULL,
    at INTEGER NOT NULL,
    same INTEGER,                        -- see bot.guarding.prints
    near INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS guarded_part_of ON guarded_part (answered);
CREATE TABLE IF NOT EXISTS guarded_vote (  -- who thinks what of them
    id TEXT NOT NULL,
    account TEXT NOT NULL,               -- platform:key
    verdict INTEGER NOT NULL,            -- 1 liked, -1 disliked
    weighs INTEGER NOT NULL,             -- an admin's, or @self's
    PRIMARY KEY (id, account)
) WITHOUT ROWID;
"""
_COUNTED = """
SELECT count(*), total(repeated), total(leaked), total(failed), total(EXISTS (
    SELECT 1 FROM guarded_part p JOIN guarded_vote v USING (id)
    WHERE p.answered = g.answered AND v.verdict < 0 AND v.weighs))
FROM (SELECT * FROM guarded WHERE version = ? AND at >= ? ORDER BY at {order}, answered LIMIT ?) g
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the bot's: what it answered, what the model was shown, and who spoke."""

    id: str
    answered: str
    at: datetime
    version: str
    context: tuple[str, ...]


class Ledger:
    """The tables of replies. For one thread."""

    def __init__(self, path: Path) -> None:
        """Open them in the database at ``path``. Raises ArchiveError."""
        self._connection = open_state(path, _TABLES, in_a_hurry=True)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def wrote(self, answered: str, version: str, at: datetime, context: Sequence[str]) -> None:
        """A reply to a message was thought of, or once more."""
        self._connection.execute(
            "INSERT INTO guarded (answered, version, at, context) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET version = excluded.version, context = excluded.context, "
            "repeated = 0, leaked = 0, failed = 0",
            (answered, version, millis(at), json.dumps(list(context))),
        )

    def amiss(self, answered: str, guard: str) -> None:
        """Something was wrong with it: repeated, leaked or failed."""
        if guard not in ("repeated", "leaked", "failed"):
            raise ValueError(f"no guard {guard!r} counts replies")
        sql = f"UPDATE guarded SET {guard} = 1 WHERE answered = ?"
        self._connection.execute(sql, (answered,))

    def sent(self, id: str, answered: str, at: datetime, print: Print | None) -> None:
        """One of its messages is in the chat."""
        self._connection.execute(
            "INSERT OR IGNORE INTO guarded_part VALUES (?, ?, ?, ?, ?)",
            (id, answered, millis(at), print and print.same, print and print.near),
        )

    def prints(self, version: str, *, but: str) -> list[Print]:
        """The prints of the version's latest messages, but those that answer ``but``."""
        rows = self._connection.execute(
            "SELECT p.same, p.near FROM guarded_part p JOIN guarded g USING (answered) "
            "WHERE g.version = ? AND p.same IS NOT NULL AND answered != ? "
            "ORDER BY p.at DESC LIMIT ?",
            (version, but, COMPARED),
        )
        return [Print(same, near) for same, near in rows]

    def said(self, id: str) -> Said | None:
        """A message of the bot's, as far as it is remembered."""
        row = self._connection.execute(
            "SELECT p.id, answered, p.at, g.version, g.context "
            "FROM guarded_part p JOIN guarded g USING (answered) WHERE p.id = ?",
            (id,),
        ).fetchone()
        if row is None:
            return None
        return Said(row[0], row[1], instant(row[2]), row[3], tuple(json.loads(row[4])))

    def parts(self, answered: str) -> list[str]:
        """The ids of the messages of one reply, in order."""
        sql = "SELECT id FROM guarded_part WHERE answered = ? ORDER BY at, id"
        return [id for (id,) in self._connection.execute(sql, (answered,))]

    def vote(self, id: str, account: str, verdict: int, *, weighs: bool) -> None:
        """What an account thinks of a message now; 0 is nothing any more."""
        if verdict:
            sql = "INSERT OR REPLACE INTO guarded_vote VALUES (?, ?, ?, ?)"
            self._connection.execute(sql, (id, account, verdict, weighs))
        else:
            sql = "DELETE FROM guarded_vote WHERE id = ? AND account = ?"
            self._connection.execute(sql, (id, account))

    def clear(self, id: str, *, but: Iterable[int]) -> None:
        """No verdicts of a message stand but these: all others were taken away."""
        gone = {1, -1} - set(but)
        self._connection.executemany(
            "DELETE FROM guarded_vote WHERE id = ? AND verdict = ?", [(id, one) for one in gone]
        )

    def verdict(self, answered: str) -> int:
        """What those who weigh think of a reply together; against wins over for."""
        [(lowest, highest)] = self._connection.execute(
            "SELECT min(verdict), max(verdict) FROM guarded_vote v JOIN guarded_part p USING (id) "
            "WHERE p.answered = ? AND v.weighs",
            (answered,),
        )
        return -1 if lowest == -1 else int(highest or 0)

    def first(self, version: str, since: datetime, most: int) -> Counts:
        """Counts among the first replies of a version since a moment."""
        return self._counts(version, since, most, "ASC")

    def latest(self, version: str, most: int = BASELINE) -> Counts:
        """Counts among the latest replies of a version."""
        return self._counts(version, instant(0), most, "DESC")

    def reactions(self, version: str) -> dict[str, int]:
        """All thumbs under a version's messages, whoever left them."""
        rows = self._connection.execute(
            "SELECT v.verdict, count(*) FROM guarded_vote v JOIN guarded_part p USING (id) "
            "JOIN guarded g USING (answered) WHERE g.version = ? GROUP BY v.verdict",
            (version,),
        )
        found = dict(rows)
        return {"liked": found.get(1, 0), "disliked": found.get(-1, 0)}

    def forget(self, account: str) -> None:
        """What an account thought counts no more."""
        self._connection.execute("DELETE FROM guarded_vote WHERE account = ?", (account,))

    def prune(self, now: datetime, *, kept: Iterable[str]) -> None:
        """Let go of what is old, but of the versions ``kept``."""
        with immediate(self._connection):
            self._connection.execute(
                "DELETE FROM guarded WHERE at < ? "
                "AND version NOT IN (SELECT value FROM json_each(?))",
                (millis(now - KEPT), json.dumps(list(kept))),
            )
            self._connection.execute(
                "DELETE FROM guarded_part WHERE answered NOT IN (SELECT answered FROM guarded)"
            )
            self._connection.execute(
                "DELETE FROM guarded_vote WHERE id NOT IN (SELECT id FROM guarded_part)"
            )

    def _counts(self, version: str, since: datetime, most: int, order: str) -> Counts:
        values = (version, millis(since), most)
        [row] = self._connection.execute(_COUNTED.format(order=order), values)
        return Counts(*map(int, row))
