"""``@name`` in the text of exports that mark no mentions: whoever is known by that name."""

from __future__ import annotations

import re

from ingest.chat import Account

_AT = re.compile("[@＠]")


class Nicknames:
    """The names met so far in one file."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._lengths: list[int] = []

    def add(self, account: Account) -> None:
        """Remember whom a name stands for."""
        if account.name and account.name not in self._accounts:
            self._accounts[account.name] = account
            if len(account.name) not in self._lengths:
                self._lengths = sorted({*self._lengths, len(account.name)}, reverse=True)

    def mentioned(self, text: str) -> tuple[Account, ...]:
        """Who is addressed in ``text``; of two names that fit, the longer one."""
        found = (self._at(text, at.end()) for at in _AT.finditer(text))
        return tuple({account.key: account for account in found if account}.values())

    def _at(self, text: str, start: int) -> Account | None:
        for length in self._lengths:
            account = self._accounts.get(text[start : start + length])
            if account:
                return account
        return None
