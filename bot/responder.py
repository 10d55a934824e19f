"""From the lines of a chat to a reply as @self.

history → context of the message (bot.history) → recall → prompt (ingest.prompt)
    → draft (bot.generation), tried again with another seed while the guard leaves nothing
    → parts of the reply
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from bot.errors import SpeakingFailed
from bot.generation import Ending, Generator, Sampling, Timings, never
from bot.guard import Kept, Withheld, checked, why_withheld
from bot.history import Contexts
from bot.voice import Voice
from ingest.chat import Line, Message, Passage, Reply, Turn
from ingest.chunks import MEMORY_SHARE
from ingest.persona import elsewhere, is_written_for
from ingest.prompt import Segment, body, read_reply, render_prompt, turns_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from config.settings import Settings
    from ingest.linker.ranking import Ranking
    from ingest.listening import Listener, Meaning

TRIES = 3
QUERY_LINES = 3  # lines of the context that recall is asked with
GREETING = "hi! how are you?"
PROOF_TOKENS = 16
WARMER = 0.15  # added to the temperature with every further try


class Memory(Protocol):
    """What the responder needs of recall: passages of the past, best first, and their text."""

    def query(
        self,
        text: str,
        *,
        chat: str | None,
        before: datetime | None,
        limit: int,
        exclude: Collection[str] = (),
    ) -> list[Passage]:
        """Passages from before ``before`` that quote none of the messages ``exclude``."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply and all that led to it; ``text`` is what the model wrote last, as it came.

    ``reply.parts`` is empty where no try left anything to say. ``seconds`` of ``timings`` are the
    last try's; ``tries`` counts from 1. ``version`` is who spoke, ``context`` the ids of what it
    was shown, ``withheld`` why each try was in vain.
    """

    reply: Reply
    passages: tuple[Passage, ...]
    prompt: tuple[Segment, ...]
    text: str
    timings: Timings
    tries: int = 1
    version: str = ""
    context: tuple[str, ...] = ()
    withheld: tuple[Withheld, ...] = ()


def texts(passages: Sequence[Passage]) -> tuple[str, ...]:
    """Passages as they were stored."""
    return tuple(passage.text for passage in passages)


class Responder:
    """Answers the last line of a chat as @self. Keeps only where running contexts start.

    ``ranking`` is what the chats' own replies taught about who answers what, where they did;
    ``meaning`` the same where an embedder tells what is close.
    ``lines_of`` turns passages into the memory lines of a prompt (``ingest.chunks.memory_lines``).
    ``title`` tells what a chat is called: a head that names another is asked without that name.
    ``redact`` takes personal data out of a text, but what the second one holds as well.
    """

    def __init__(
        self,
        voice: Voice,
        generator: Generator,
        settings: Settings,
        *,
        memory: Memory | None = None,
        lines_of: Callable[[Sequence[Passage]], Sequence[str]] = texts,
        ranking: Ranking | None = None,
        meaning: Meaning | None = None,
        listener: Listener | None = None,
        redact: Callable[[str, str], str] = lambda text, _known: text,
        title: Callable[[str], str | None] | None = None,
    ) -> None:
        self.voice = voice
        self.generator = generator
        self._sampling = Sampling.of(settings.generate)
        self._memory, self._lines_of, self._redact = memory, lines_of, redact
        self._title = title
        self._passages = settings.recall.passages
        self._room = self._room_for_lines(settings.dataset.window_tokens)
        self._contexts = Contexts(
            gap=timedelta(minutes=settings.threads.gap_minutes),
            room=self._room,
            length=lambda text: self._length(body(text)),  # a line break costs its indentation
            ranking=ranking,
            meaning=meaning,
            listener=listener,
        )

    def answer(
        self,
        history: Sequence[Message],
        *,
        now: datetime,
        seed: int,
        chat: str | None = None,
        topic: str | None = None,
        cancelled: Callable[[], bool] = never,
        watch: Callable[[str], None] = lambda _text: None,
    ) -> Answer:
        """Answer the last message of ``history`` (oldest first, not empty).

        Recall sees what was said strictly before ``now``, in ``chat`` alone where one is given.
        ``topic`` is the part of the chat that ``history`` is of, where it has parts.
        ``watch`` is shown the text so far, from the start again with every try.
        """
        context = self._contexts.choose(history, f"{history[-1].chat} {topic}" if topic else None)
        passages = self._recalled(context, now, chat)
        head = self._head(chat)
        prompt = self._prompt(head, context, passages)
        withheld: list[Withheld] = []
        for attempt in range(TRIES):
            text, timings = self._draft(prompt, seed, attempt, cancelled, watch)
            kept = Kept(head, self._lines_of(passages), self._redact)
            parts = self._parts(text, timings, history, kept)
            if parts or timings.ending is Ending.CANCELLED:
                break
            withheld.append(self._why_withheld(text, timings, history, kept))
        return Answer(
            Reply(parts),
            passages,
            prompt,
            text,
            timings,
            attempt + 1,
            self.voice.name,
            tuple(message.id for message in context),
            tuple(withheld),
        )

    def prove(self) -> str:
        """Let the model answer a greeting, as proof that it can speak; what it said.

        Raises SpeakingFailed where it says nothing, and whatever a model raises that cannot.
        """
        turns = (Turn((Line("friend", GREETING),)),)
        prompt = render_prompt(turns, self.voice.head, self.voice.markup)
        sampling = replace(self._sampling, max_new_tokens=PROOF_TOKENS)
        for seed in range(TRIES):
            text = "".join(self.generator.generate(prompt, sampling=sampling, seed=seed))
            if any(char.isprintable() and not char.isspace() for char in text):
                return text
        raise SpeakingFailed(
            f"{self.voice.name}: answers a greeting with nothing, {TRIES} times; "
            "choose another version, or train again"
        )

    def _recalled(
        self, context: Sequence[Message], now: datetime, chat: str | None
    ) -> tuple[Passage, ...]:
        if self._memory is None or not self._passages:
            return ()
        found = self._memory.query(
            "\n".join(" ".join(message.text.split()) for message in context[-QUERY_LINES:]),
            chat=chat,
            before=now,
            limit=self._passages,
            exclude={message.id for message in context},
        )
        return self._fitting(found)

    def _fitting(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """The best passages that fit their share of the room."""
        kept = tuple(passages)
        while kept and self._length("\n".join(self._lines_of(kept))) > self._room // MEMORY_SHARE:
            kept = kept[:-1]
        return kept

    def _head(self, chat: str | None) -> str:
        """The head, without the title of the chat it was written for where this is another."""
        head = self.voice.head
        if chat is None or self._title is None:
            return head
        return head if is_written_for(head, self._title(chat) or "") else elsewhere(head)

    def _prompt(
        self, head: str, context: Sequence[Message], passages: Sequence[Passage]
    ) -> tuple[Segment, ...]:
        turns = turns_of(context, me=self.voice.self_handle)
        memory = self._lines_of(passages)
        return render_prompt(turns, head, self.voice.markup, memory)

    def _draft(
        self,
        prompt: Sequence[Segment],
        seed: int,
        attempt: int,
        cancelled: Callable[[], bool],
        watch: Callable[[str], None],
    ) -> tuple[str, Timings]:
        generation = self.generator.generate(
            prompt,
            sampling=self._sampling.warmer(WARMER * attempt),
            seed=seed + attempt,
            cancelled=cancelled,
        )
        text = ""
        for piece in generation:
            text += piece
            watch(text)
        return text, generation.timings

    def _parts(
        self,
        text: str,
        timings: Timings,
        history: Sequence[Message],
        kept: Kept,
    ) -> tuple[str, ...]:
        if timings.ending is Ending.CANCELLED:
            return ()
        parts = read_reply(text, self.voice.markup)
        return checked(parts, history, kept, is_complete=timings.ending is Ending.STOP)

    def _why_withheld(
        self, text: str, timings: Timings, history: Sequence[Message], kept: Kept
    ) -> Withheld:
        parts = read_reply(text, self.voice.markup)
        return why_withheld(parts, history, kept, is_complete=timings.ending is Ending.STOP)

    def _room_for_lines(self, trained: int) -> int:
        """Tokens for lines: what is left of the context, and not more than training has shown."""
        head = self.generator.count([Segment(self.voice.head)]) + 48  # and the markup around all
        free = self.generator.context_tokens - head - self._sampling.max_new_tokens
        return max(64, min(free * MEMORY_SHARE // (MEMORY_SHARE + 1), trained))

    def _length(self, text: str) -> int:
        return self.generator.count([Segment(text)])
