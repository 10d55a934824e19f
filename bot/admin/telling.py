"""`/status`, `/why`, `/help`, `/stop`: how the bot is, and why it spoke or did not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.admin import phrases
from bot.admin.asked import about
from bot.admin.controls import Told
from bot.admin.desk import Desk
from bot.admin.questions import Questions
from bot.chatbook import Chatbook
from bot.platforms.base import Commanded, Notice, Word
from bot.runs import Run

WORDS = (
    Word("status", "How the bot is"),
    Word("why", "Why it answered, or did not", "[in reply to a message]"),
    Word("stop", "Switch the bot off"),
    Word("help", "What can be asked of the bot"),
)
KINDS = ("index", "ingest", "retrain", "backup", "export", "forget")
_URL = re.compile(r"https?://[^\s,]+")
Upcoming = Callable[[], Mapping[str, datetime]]
"""When each scheduled kind of job runs next."""


@dataclass(frozen=True, slots=True)
class TellingCommands:
    """The commands that tell, and the one that ends it all."""

    desk: Desk
    book: Chatbook
    questions: Questions
    upcoming: Upcoming
    groups: Mapping[str, Sequence[Word]]
    zone: tzinfo

    async def status(self, command: Commanded) -> None:
        """The parts of the bot, this chat, and the jobs; never what anybody said."""
        now = self.desk.clock()
        lines = [*_parts(self.desk.controls.status())]
        if not command.chat.is_private:
            found = self.book.rules(command.chat.id, command.places)
            lines.append(f"this chat: {phrases.rules(found, now, self.zone)}")
        lines += [self.desk.jobs.brief(job) for job in self.desk.jobs.running]
        lines += [line for kind in KINDS if (line := self._kind(kind, now))]
        text = "\n".join(lines)
        # Where the model's server stands is not for groups.
        await command.answer.say(text if command.chat.is_private else _URL.sub("a server", text))

    async def why(self, command: Commanded) -> None:
        """The reasons of the decision about a message, by default of the latest in the chat."""
        asked = about(command)
        told = _meant(self.desk.controls.decisions(asked.required_chat), command.reply_to)
        await command.answer.say(_reasons(told, self.zone) if told else _nothing(command))

    async def stop(self, command: Commanded) -> None:
        """Ask, then stop jobs and bot."""

        async def go(notice: Notice) -> None:
            await notice.say("Stopping. It answers again when it is started on its machine.")
            await self.desk.jobs.stop()
            self.desk.controls.stop()

        running = ", ".join(job.work.title.lower() for job in self.desk.jobs.running)
        also = f" This also ends what runs: {running}." if running else ""
        question = f"Stop the bot everywhere? It cannot be started from here.{also}"
        await self.questions.ask(command, question, "Stop", go)

    async def help(self, command: Commanded) -> None:
        """Every command, one a line, under what it is about."""
        groups = [
            "\n".join([f"{title}:", *map(_described, words)])
            for title, words in self.groups.items()
        ]
        if command.chat.is_private:
            known = f"{command.chat.platform}:1234567890"
            groups.append(f"Here in private, name the chat a command is about: /mute {known} 2h")
        await command.answer.say("\n\n".join(groups))

    def _kind(self, kind: str, now: datetime) -> str:
        """The last run of a kind and the next; empty where there is neither."""
        last, following = self.desk.runs.last(kind), self.upcoming().get(kind)
        parts = [_last(last, now)] if last and last.ended_at else []
        if following is not None:
            parts.append(f"next {phrases.ago(following, now)}")
        return f"{kind}: {'; '.join(parts)}" if parts else ""


def _described(word: Word) -> str:
    return f"/{word.name}{f' {word.takes}' if word.takes else ''}: {word.help}"


def _last(run: Run, now: datetime) -> str:
    assert run.ended_at is not None
    took = f" after {phrases.span(run.took)}" if run.took else ""
    # What a command said may be about people; where that is wanted, its notice or the log has it.
    return f"{run.outcome} {phrases.ago(run.ended_at, now)}{took}"


def _parts(status: Mapping[str, object]) -> list[str]:
    lines = []
    for name, part in status.items():
        if isinstance(part, Mapping):
            mark = "" if part.get("is_well", True) else "! "
            words = [str(part["state"])] if part.get("state") else []
            words += [figures] if (figures := phrases.figures(part)) else []
            lines.append(f"{mark}{name}: {', '.join(words)}")
        else:
            lines.append(f"{name}: {part}")
    return lines


def _meant(decisions: Sequence[Told], message: str | None) -> Told | None:
    """The latest decision about a message (an edit may be decided on again), or the latest."""
    found = [told for told in decisions if message in (None, told.message)]
    return found[-1] if found else None


def _reasons(told: Told, zone: tzinfo) -> str:
    verdict = {"answer": "To be answered", "silent": "Not answered"}
    decision = told.decision
    head = f"{verdict.get(str(decision.verdict), decision.verdict)} ({told.message},"
    lines = [f"{head} {phrases.moment(told.at, zone)}), score {decision.score:.2f}:"]
    lines += [f"– {reason}" for reason in decision.reasons]
    return "\n".join([*lines, *([f"Then: {told.outcome}"] if told.outcome else [])])


def _nothing(command: Commanded) -> str:
    if command.reply_to is not None:
        return "Nothing was decided about that message since the start, or it is too long ago."
    return "Nothing was decided here since the start."
