"""Rows of ``person`` as they are held in memory, and how several of them make one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.chat import Account, Person


@dataclass
class Span:
    """First and last moment of something, in milliseconds."""

    since: int
    until: int

    def widen(self, when: int) -> bool:
        """Take in a moment; whether that changed anything."""
        if self.since <= when <= self.until:
            return False
        self.since, self.until = min(self.since, when), max(self.until, when)
        return True


@dataclass
class Entry:
    """One row: an account with its names. ``same_as`` points to the row that stands for both."""

    id: int
    handle: str
    is_self: bool
    is_bot: bool
    same_as: int | None = None
    shown: str | None = None
    spans: dict[str, Span] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    is_owner: bool = False


def person_of(rows: Sequence[Entry]) -> Person:
    """The person these rows are, the first standing for all: names by when they were last used."""
    uses: dict[str, Span] = {}
    for name, span in (pair for row in rows for pair in row.spans.items()):
        known = uses.setdefault(name, Span(span.since, span.until))
        known.widen(span.since)
        known.widen(span.until)
    names = sorted(uses, key=lambda name: (uses[name].until, uses[name].since, name))
    first = rows[0]
    if first.shown:
        names = [*(name for name in names if name != first.shown), first.shown]
    accounts = tuple(account for row in rows for account in row.accounts)
    return Person(first.id, first.handle, tuple(names), accounts, first.is_self, first.is_bot)
