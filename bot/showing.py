"""Messages as the model is shown them: what the bot says and what is said to it are @self's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.guests import Guests
from ingest.chat import Message, Person, RawMessage
from ingest.people.handles import readdress


class Showing:
    """``me`` is @self, ``people`` are those of the archive."""

    def __init__(self, me: Person, people: Iterable[Person]) -> None:
        self._me, self._guests = me, Guests(people)
        self._own: set[str] = set()

    def know(self, bot: Person) -> None:
        """The bot signed in as this person of the archive."""
        self._own.add(bot.handle)

    def shown(self, message: Message) -> Message:
        """A message of the archive."""
        if message.person.handle in self._own:
            return replace(message, person=self._me)
        if not self._own.intersection(message.mentions):
            return message
        mine, me = self._own, self._me.handle
        mentions = tuple(dict.fromkeys(me if one in mine else one for one in message.mentions))
        text = readdress(message.text, dict.fromkeys(mine, me))
        return replace(message, text=text, mentions=mentions)

    def unkept(self, raw: RawMessage) -> Message:
        """A message of a chat of which nothing is kept."""
        return self.shown(self._guests.message(raw))

    def own(self, raw: RawMessage) -> Message:
        """One of the bot's, not kept either."""
        return replace(self._guests.message(raw), person=self._me)
