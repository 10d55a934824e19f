"""A conversation made up at the terminal: who speaks, and what has been said so far."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.errors import SceneError
from ingest.chat import Message, Person, Reply
from ingest.people.handles import handle_for
from ingest.prompt import SELF

LABELLED = re.compile(r"@(?P<who>[\w.-]{1,64})\s*[:：]\s*(?P<text>.*)", re.DOTALL)
ANY_LABEL = re.compile(r"@?(?P<who>[^:：@]{1,64})[:：](?!//)\s*(?P<text>.*)", re.DOTALL)
MENTION = re.compile(r"(?<!\w)@([\w.-]{1,64})")


@dataclass(frozen=True, slots=True)
class Said:
    """A typed line: ``who`` is empty where the current speaker is meant.

    A silent line only adds to the scene.
    """

    who: str
    text: str
    is_silent: bool = False


def read_line(line: str, label: re.Pattern[str] = LABELLED) -> Said:
    """Take a typed line apart: ``text``, ``@nice_guy: text``, and either with ``+`` in front."""
    silent = line.startswith("+")
    words = line.removeprefix("+").strip()
    match = label.fullmatch(words)
    if match is None:
        return Said("", words, silent)
    return Said(match["who"].strip(), match["text"].strip(), silent)


class Scene:
    """The people of the archive, newcomers, and the lines of the current scene.

    Nothing here touches the archive: what is typed is forgotten with the scene.
    """

    def __init__(
        self,
        people: Iterable[Person],
        me: Person,
        *,
        chat: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._people = {person.handle.casefold(): person for person in people}
        self._me, self._chat, self._clock = me, chat, clock
        self._count = 0
        self.messages: list[Message] = []

    @property
    def speakers(self) -> list[Person]:
        """Everyone but @self who has spoken in this scene, in order of appearance."""
        seen = {message.person.handle: message.person for message in self.messages}
        return [person for person in seen.values() if not person.is_self]

    @property
    def known(self) -> list[Person]:
        """Everyone who may speak."""
        return [person for person in self._people.values() if not person.is_self]

    def person(self, who: str) -> Person:
        """The person of this handle or display name; an unknown name becomes a new speaker."""
        name = who.strip().removeprefix("@").strip()
        if not name:
            raise SceneError("who speaks? Say: /as nice_guy")
        found = self._people.get(name.casefold()) or self._named(name) or self._spelled(name)
        if name.casefold() == SELF or (found is not None and found.is_self):
            raise SceneError(f"@{SELF} answers by itself; speak as somebody else: /as nice_guy")
        return found or self._newcomer(name)

    def say(self, who: Person, text: str) -> Message:
        """Add a line to the scene."""
        mentioned = [self._mentioned(handle) for handle in MENTION.findall(text)]
        return self._add(who, text, mentions=tuple(handle for handle in mentioned if handle))

    def answer(self, reply: Reply) -> list[Message]:
        """Add the parts of a reply as lines of @self, the first in answer to the last line."""
        target = self.messages[-1].id if self.messages else None
        return [
            self._add(self._me, part, reply_to=target if place == 0 else None)
            for place, part in enumerate(reply.parts)
        ]

    def restart(self) -> None:
        """Forget what was said."""
        self.messages.clear()

    def now(self) -> datetime:
        """The present of this scene."""
        return self._clock()

    def _add(
        self,
        who: Person,
        text: str,
        *,
        mentions: tuple[str, ...] = (),
        reply_to: str | None = None,
    ) -> Message:
        self._count += 1
        message = Message(
            id=f"scene:{self._count}",
            chat=self._chat,
            person=who,
            sent_at=self._clock(),
            text=text,
            mentions=mentions,
            reply_to=reply_to,
        )
        self.messages.append(message)
        return message

    def _mentioned(self, handle: str) -> str:
        if handle.casefold() == SELF:
            return self._me.handle
        person = self._people.get(handle.casefold())
        return person.handle if person else ""

    def _named(self, name: str) -> Person | None:
        """Whoever is or was displayed as ``name``, where that is one person."""
        found = [
            person
            for person in self._people.values()
            if name.casefold() in (shown.casefold() for shown in person.names)
        ]
        return found[0] if len(found) == 1 else None

    def _spelled(self, name: str) -> Person | None:
        """Whoever has the handle that ``name`` would get: ``Nice Guy`` is @nice_guy."""
        return self._people.get(handle_for(name, set()).casefold())

    def _newcomer(self, name: str) -> Person:
        handle = handle_for(name, set(self._people))
        person = Person(id=-len(self._people) - 1, handle=handle, names=(name,))
        self._people[handle.casefold()] = person
        return person
