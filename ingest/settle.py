"""The end of an import, when everybody who speaks is known: who is who, and who is spoken of.

join_by_name → unwrap_bridges → mark_bots → resolve_mentions → link_names

Everything follows from what the archive holds, in one transaction: killed before its end it leaves
the archive as the import did, and the next import settles it the same way.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from ingest.bridges import KEY, LEAST_MESSAGES, SAMPLE, bridged, split_author, style_of
from ingest.chat import Account
from ingest.database import touch
from ingest.identities import Identities, decided
from ingest.linking import link_names
from ingest.names import fold
from ingest.people import readdress
from ingest.roster import NAME_KEY, Roster
from ingest.words import index, unindex

PAGE = 1000
LONG = 40  # characters: people say shorter things again and again
REPEATED = 0.5
_DISCRIMINATOR = re.compile(r"#\d{1,4}$")
_ADDRESSED = re.compile(r"^@?[^\s:,]{1,32}[:,]\s+")


@dataclass(frozen=True, slots=True)
class Settled:
    """What the end of an import found: accounts joined, bridges, bots, messages, mentions."""

    joined: int = 0
    bridges: int = 0
    unwrapped: int = 0
    bots: int = 0
    mentions: int = 0
    named: int = 0


def settle(connection: sqlite3.Connection, roster: Roster) -> Settled:
    """All of it, where anything changed since the last time; the caller's transaction."""
    if _revision(connection) == _settled(connection):
        return Settled()
    joined = join_by_name(connection, roster)
    bridges, messages = unwrap_bridges(connection, roster)
    bots = mark_bots(connection, roster)
    mentions = resolve_mentions(connection, roster)
    named, spelled = link_names(connection, roster)
    roster.flush()
    result = Settled(joined, bridges, messages, bots, mentions + spelled, named)
    if result != Settled():
        touch(connection)
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES ('settled', ?)", (_revision(connection),)
    )
    return result


def join_by_name(connection: sqlite3.Connection, roster: Roster) -> int:
    """Accounts known by name alone join the one account of their chat that bears the name.

    A JSON export of a chat gives ids, an HTML or text export of it names. Chats of one platform
    and title are one chat. Where two people bore the name, both stay apart from it.
    """
    chats = _rows_by_chat(connection, roster)
    joined = 0
    for row, entry in list(roster.entries.items()):
        platform = _platform_of_name(entry.accounts)
        if platform is None or entry.same_as is not None or decided(connection, row, "split"):
            continue
        wanted = {form for name in entry.spans for form in _forms(name)}
        bearers = {
            roster.root(other)
            for rows in chats.values()
            if row in rows
            for other in rows
            if other != row and _bears(roster, other, platform, wanted)
        }
        if len(bearers) == 1:
            Identities(connection, roster).merge(bearers.pop(), row, verb="join")
            joined += 1
    return joined


def unwrap_bridges(connection: sqlite3.Connection, roster: Roster) -> tuple[int, int]:
    """Find accounts that carry others' words, and give the words to whoever wrote them."""
    bridges = messages = 0
    for row, style in list(_bridges(connection, roster)):
        roster.add_bridge(row, style)
        roster.mark(row, is_bot=True)
        messages += _unwrap(connection, roster, row, style)
        bridges += 1
    return bridges, messages


def mark_bots(connection: sqlite3.Connection, roster: Roster) -> int:
    """Mark who mostly repeats long texts word for word, whomever they are addressed to."""
    marked = 0
    for row in _busy(connection):
        entry = roster.entries[roster.root(row)]
        if entry.is_bot or entry.is_self or decided(connection, entry.id, "no bot"):
            continue
        if _repeats_itself(_sample(connection, row)):
            roster.mark(entry.id, is_bot=True)
            marked += 1
    return marked


def resolve_mentions(connection: sqlite3.Connection, roster: Roster) -> int:
    """Link the mentions of accounts that had not spoken when they were mentioned."""
    resolved = 0
    rows = connection.execute(
        "SELECT u.message, u.platform, u.key, u.name, m.text, m.mentions "
        "FROM unresolved u JOIN message m ON m.id = u.message ORDER BY 1, 2, 3, 4"
    ).fetchall()
    for id, platform, key, name, _text, _mentions in rows:
        row = roster.mentioned(Account(platform, key, name))
        if row is None:
            continue
        text, mentions = connection.execute(
            "SELECT text, mentions FROM message WHERE id = ?", (id,)
        ).fetchone()
        unindex(connection, id, text)
        text = readdress(text, {name: roster.handle(row)} if name else {})
        index(connection, id, text)
        known = orjson.loads(mentions) if mentions else []
        connection.execute(
            "UPDATE message SET text = ?, mentions = ? WHERE id = ?",
            (text, orjson.dumps(list(dict.fromkeys([*known, row]))).decode(), id),
        )
        connection.execute(
            "DELETE FROM unresolved WHERE (message, platform, key, name) = (?, ?, ?, ?)",
            (id, platform, key, name),
        )
        resolved += 1
    return resolved


def _revision(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()[0])


def _settled(connection: sqlite3.Connection) -> int | None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'settled'").fetchone()
    return int(row[0]) if row else None


def _rows_by_chat(
    connection: sqlite3.Connection, roster: Roster
) -> dict[tuple[str, str], set[int]]:
    titles = {
        id: (platform, title)
        for id, platform, title in connection.execute("SELECT id, platform, title FROM chat")
    }
    rows: dict[tuple[str, str], set[int]] = defaultdict(set)
    for chat, row, _since, _until in roster.members():
        rows[titles[chat]].add(row)
    return rows


def _platform_of_name(accounts: list[Account]) -> str | None:
    """The platform of a row whose only account is a name."""
    names = [account for account in accounts if account.key.startswith(NAME_KEY)]
    return names[0].platform if len(names) == len(accounts) == 1 else None


def _bears(roster: Roster, row: int, platform: str, wanted: set[str]) -> bool:
    entry = roster.entries[row]
    has_id = any(
        account.platform == platform and not account.key.startswith((NAME_KEY, KEY))
        for account in entry.accounts
    )
    return has_id and any(form in wanted for name in entry.spans for form in _forms(name))


def _forms(name: str) -> set[str]:
    """A name as it is compared; Discord's old ``name#1234`` also without its number."""
    folded = fold(name)
    return {folded, _DISCRIMINATOR.sub("", folded)} - {""}


def _busy(connection: sqlite3.Connection) -> list[int]:
    rows = connection.execute(
        "SELECT person FROM message GROUP BY person HAVING count(*) >= ? ORDER BY person",
        (LEAST_MESSAGES,),
    )
    return [row[0] for row in rows]


def _sample(connection: sqlite3.Connection, row: int) -> list[str]:
    rows = connection.execute(
        "SELECT text FROM message WHERE person = ? AND kind IN ('text', 'command') LIMIT ?",
        (row, SAMPLE),
    )
    return [text for (text,) in rows]


def _bridges(connection: sqlite3.Connection, roster: Roster) -> Iterator[tuple[int, str]]:
    """Rows found to carry others' words, with their style."""
    for row in _busy(connection):
        entry = roster.entries[row]
        if roster.is_bridge(row) or entry.is_self or decided(connection, row, "no bot"):
            continue
        texts = _sample(connection, row)
        if style_of(texts, ()) and (style := style_of(texts, _natives(roster, row))):
            yield row, style


def _natives(roster: Roster, row: int) -> set[str]:
    """Casefolded names of those who speak themselves in the chats of a row."""
    chats = {chat for chat, member, _since, _until in roster.members() if member == row}
    others = (
        roster.entries[member]
        for chat, member, _since, _until in roster.members()
        if chat in chats and member != row
    )
    return {
        name.casefold()
        for entry in others
        if not any(account.key.startswith(KEY) for account in entry.accounts)
        for name in entry.spans
    }


def _unwrap(connection: sqlite3.Connection, roster: Roster, row: int, style: str) -> int:
    platform, count, last = roster.entries[row].accounts[0].platform, 0, 0
    while page := connection.execute(
        "SELECT id, text, chat, sent_at FROM message WHERE person = ? AND id > ? "
        "ORDER BY id LIMIT ?",
        (row, last, PAGE),
    ).fetchall():
        last = page[-1][0]
        for id, text, chat, sent_at in page:
            found = split_author(text, style)
            if found is None:
                continue
            author = bridged(platform, found[0])
            unindex(connection, id, text)
            count += 1
            if roster.is_forgotten(author):
                connection.execute("DELETE FROM message WHERE id = ?", (id,))
                continue
            index(connection, id, found[1])
            connection.execute(
                "UPDATE message SET person = ?, text = ? WHERE id = ?",
                (roster.resolve(author, sent_at, chat), found[1], id),
            )
    return count


def _repeats_itself(texts: list[str]) -> bool:
    """Whether at least half of what is said is long and was said before, names apart."""
    bare = [_ADDRESSED.sub("", text) for text in texts]
    long = [text for text in bare if len(text) >= LONG]
    return len(long) - len(set(long)) >= REPEATED * len(texts)
