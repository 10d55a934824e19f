"""People of chats of which nothing is kept: known for as long as the bot runs."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.chat import Account, Message, Person, RawMessage
from ingest.people.handles import handle_for, readdress, skeleton


class Guests:
    """Turns messages as platforms tell them into what the model is shown, without an archive."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._people: dict[tuple[str, str], Person] = {}
        self._taken: set[str] = set()
        for person in people:
            self._taken |= {person.handle.casefold(), skeleton(person.handle)}
            for account in person.accounts:
                self._people[account.platform, account.key] = person

    def message(self, raw: RawMessage) -> Message:
        """The message with its author and the mentioned as people, its media as placeholders."""
        author = self.person(raw.author)
        known = {account: self._known(account) for account in raw.mentions}
        handles = {account.name: found.handle for account, found in known.items() if found}
        handles.pop("", None)
        pieces = [attachment.placeholder for attachment in raw.attachments]
        words = readdress(raw.text, handles)
        return Message(
            id=raw.id,
            chat=raw.chat.id,
            person=author,
            sent_at=raw.sent_at,
            text=" ".join([*pieces, words] if words else pieces),
            kind=raw.kind,
            reply_to=raw.reply_to,
            mentions=tuple(dict.fromkeys(found.handle for found in known.values() if found)),
            attachments=raw.attachments,
            edited_at=raw.edited_at,
            forwarded_from=raw.forwarded_from,
            reactions=raw.reactions,
        )

    def person(self, account: Account) -> Person:
        """Whoever this account is; a newcomer where nobody knows it."""
        key = account.platform, account.key
        if key not in self._people:
            handle = handle_for(account.name or account.key, self._taken)
            self._taken |= {handle.casefold(), skeleton(handle)}
            names = (account.name,) if account.name else ()
            self._people[key] = Person(
                -len(self._people) - 1, handle, names, (account,), is_bot=account.is_bot
            )
        return self._people[key]

    def _known(self, account: Account) -> Person | None:
        if account.key:
            return self._people.get((account.platform, account.key))
        found = [person for person in self._people.values() if account.name in person.names]
        return found[0] if len(found) == 1 else None
