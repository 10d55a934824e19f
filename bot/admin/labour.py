"""`/retrain`, `/index`, `/export`, `/forget`: what takes long, done by processes of their own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib.util import find_spec

from bot.admin import works
from bot.admin.asked import asker_of
from bot.admin.desk import Desk, retraining
from bot.admin.phrases import counted
from bot.admin.questions import Questions
from bot.admin.works import Work
from bot.errors import CommandRefused
from bot.platforms.base import Commanded, Notice, Word
from ingest.archive import Archive
from ingest.chat import Person
from ingest.dataset.export_command import MESSAGES, NAMES

WORDS = (
    Word("retrain", "Learn from what is new, and see whether it is better", "[minutes]"),
    Word("index", "Bring the search index up to date"),
    Word("export", "Write the messages (or the dataset) as files on the machine", "[form …]"),
    Word("forget", "Remove a person and all they wrote", "<person, or in reply to them>"),
)


@dataclass(frozen=True, slots=True)
class LabourCommands:
    """The commands that start jobs."""

    desk: Desk
    questions: Questions

    async def retrain(self, command: Commanded) -> None:
        """Dataset, training, rehearsal; what comes of it is judged, and an admin decides."""
        if find_spec("peft") is None:  # told now, not after the dataset
            raise CommandRefused(
                "Training is not installed here (pip install 'atself[train]'); train elsewhere on "
                "this home with `atself train`, then /promote."
            )
        self._launch(command, retraining(self.desk.settings, _minutes(command.words)))

    async def index(self, command: Commanded) -> None:
        """Refresh the index."""
        self._launch(command, works.index())

    async def export(self, command: Commanded) -> None:
        """Write files on the machine; only their folder is told, nothing is sent into the chat."""
        forms = tuple(dict.fromkeys(command.words.lower().split())) or (MESSAGES,)
        unknown = [form for form in forms if form not in NAMES]
        if unknown:
            raise CommandRefused(f"No form {unknown[0][:20]!r}; there are: {', '.join(NAMES)}.")
        self._launch(command, works.export(forms))

    async def forget(self, command: Commanded) -> None:
        """Ask, then remove a person from archive, index, dataset, exports and backups.

        In a group only in reply to a message of theirs: names that are guessed, and how much
        somebody wrote elsewhere, are not for those who read there.
        """
        who, is_public = command.words.strip(), not command.chat.is_private
        if who and is_public:
            raise CommandRefused("Ask me in private to forget somebody by name.")
        if not who and command.reply_to is None:
            raise CommandRefused("Say whom: /forget @handle, or in reply to a message of theirs.")
        person, count = await asyncio.to_thread(self._person, who, command.reply_to)

        async def go(notice: Notice) -> None:
            await self._let_go(person)  # before: a backup takes the journal along
            work = works.forget(person.handle)
            job = self.desk.launch(work, asker_of(command), notice, is_public=is_public)
            ended = await asyncio.shield(job)
            if ended.outcome == "done":
                await self._let_go(person)

        called = f"@{person.handle} and {counted(count, 'message')}"
        called = "whoever wrote that and all their messages" if is_public else called
        question = f"Forget {called} for good, backups and exports included?"
        await self.questions.ask(command, question, "Forget", go)

    async def _let_go(self, person: Person) -> None:
        for account in person.accounts:
            await self.desk.controls.let_go(account)

    def _launch(self, command: Commanded, work: Work) -> None:
        is_public = not command.chat.is_private
        self.desk.launch(work, asker_of(command), command.answer, is_public=is_public)

    def _person(self, who: str, reply_to: str | None) -> tuple[Person, int]:
        """Who is meant, and how many messages they wrote. Raises ArchiveError."""
        with Archive.open(self.desk.home.archive) as archive:
            if who:
                person = archive.find_person(who)
            else:
                found = archive.get([str(reply_to)])
                if not found:
                    raise CommandRefused("That message is not in the archive; say /forget @handle.")
                person = found[0].person
            if person.is_self:
                raise CommandRefused(f"@{person.handle} is @self; without them nothing is left.")
            return person, archive.message_counts().get(person.id, 0)


def _minutes(words: str) -> float | None:
    """The budget asked for, in minutes; None where none was. Raises CommandRefused."""
    text = words.strip().lower().removesuffix("minutes").removesuffix("min").removesuffix("m")
    if not text.strip():
        return None
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= 7 * 24 * 60:
        raise CommandRefused(f"/retrain {words[:20]}: say how many minutes, as in /retrain 20.")
    return minutes
