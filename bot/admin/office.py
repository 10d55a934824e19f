"""All of the admins' commands, as the hub takes them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import tzinfo

from bot.admin import chats, labour, models, telling
from bot.admin.chats import ChatCommands, Parse
from bot.admin.desk import Desk
from bot.admin.labour import LabourCommands
from bot.admin.models import ModelCommands
from bot.admin.questions import Questions
from bot.admin.telling import TellingCommands, Upcoming
from bot.chatbook import Chatbook
from bot.consent import RIGHTS
from bot.platforms.base import Commanded, Handler, Word
from config.errors import AtselfError

log = logging.getLogger("atself.admin")

GROUPS = {
    "How it is": telling.WORDS,
    "Where, when and how much it speaks": chats.WORDS,
    "Which model speaks": models.WORDS,
    "What takes long": labour.WORDS,
    "For everybody": RIGHTS,
}
"""The commands by what they are about, as /help shows them."""
WORDS = (*telling.WORDS, *chats.WORDS, *models.WORDS, *labour.WORDS)


class Office:
    """The commands. Whoever calls a handler has made sure that an admin asks.

    Handlers return soon: what takes long goes on in a job, and tells on the command's notice.
    They never raise for what can be explained.
    """

    def __init__(
        self,
        desk: Desk,
        book: Chatbook,
        *,
        parse: Parse,
        upcoming: Upcoming,
        zone: tzinfo,
        questions: Questions | None = None,
    ) -> None:
        self._questions = questions or Questions(desk.clock)
        self._clean, self._folder = desk.jobs.clean, str(desk.home.path)
        of_chats = ChatCommands(book, parse, desk.clock, zone)
        of_models = ModelCommands(desk, self._questions)
        of_labour = LabourCommands(desk, self._questions)
        of_telling = TellingCommands(desk, book, self._questions, upcoming, GROUPS, zone)
        parts = (of_telling, of_chats, of_models, of_labour)
        self._handlers: dict[str, Handler] = {
            word.name: getattr(part, word.name)
            for word in WORDS
            for part in parts
            if hasattr(part, word.name)
        }

    def offers(self) -> Mapping[Word, Handler]:
        """Every command and what serves it."""
        return {word: self._handler(self._handlers[word.name]) for word in WORDS}

    def _handler(self, serve: Handler) -> Handler:
        async def handle(command: Commanded) -> None:
            try:
                if not await self._questions.answered(command):
                    await serve(command)
            except AtselfError as error:
                await command.answer.say(self._told(error, command))
            except Exception:
                log.exception("/%s failed", command.name)
                await command.answer.say(f"/{command.name} failed inside; logs/bot.log says why.")

        return handle

    def _told(self, error: AtselfError, command: Commanded) -> str:
        """An error as it may be read there: where files lie is not for groups."""
        text = self._clean(str(error))
        return text if command.chat.is_private else text.replace(self._folder, "the home")
