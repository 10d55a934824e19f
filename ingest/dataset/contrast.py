"""Contrast against inventing things about private names: to tell what memory shows, or not to know.

A language model asked who somebody is will always say something. Two kinds of training windows
speak against that, together at most ``dataset.contrast_share`` of the replies:

- *known*: @self really answered a question that names somebody; memory shows earlier lines that
  mention this person. The window is a real one, only its memory is chosen.
- *unknown*: someone in a real stretch of the chat asks about a name that nobody bears, or a member
  of whom nothing was ever said; the reply is one of @self's own, taken from where @self really said
  not to know. In half of these memory shows lines about other things. Such windows are synthetic
  and marked so (``kind`` "name").

No word is put into @self's mouth: where @self never said not to know in a language, none is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from ingest.archive import Archive
from ingest.chat import Line, Person, Thread, Turn, Window, WindowKind
from ingest.dataset.invented import invented_names
from ingest.dataset.memory import Memories
from ingest.dataset.silence import draw_of
from ingest.dataset.unknowing import ASKS_WHO, BY_LANGUAGE, language_of
from ingest.terms import terms

MOST_USES = 6
"""How often one real message of not knowing is shown; more would teach it as a tic."""
STRANGER_SHARE = 0.25
"""Of the names asked about: members of whom nothing is known, rather than invented ones."""
STRANGER_MESSAGES = 3
"""Who wrote more than this is no stranger."""
CONTEXT_LINES = 6
UNKNOWNS = "real messages of not knowing"
PROBE_NAMES = 40


@dataclass(frozen=True, slots=True)
class Probe:
    """A question for judging: about a name nobody bears, or (``is_real``) about a member.

    To an invented name any statement of fact is an invention.
    """

    question: str
    name: str
    language: str
    is_real: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message in which @self says not to know."""

    language: str
    line: Line
    chat: str


@dataclass
class Contrast:
    """Gathers what is needed while the training windows go by, then makes the synthetic ones."""

    archive: Archive
    seed: int
    unknowns: list[Unknown] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def watch(self, window: Window) -> None:
        """Note where @self says not to know in a training window."""
        for turn in window.replies:
            for line in turn.lines:
                language = language_of(line.text)
                if language is not None:
                    self.unknowns.append(Unknown(language, line, window.chat))

    def summary(self) -> dict[str, int]:
        """What was made, and from how many real messages of not knowing."""
        return {**dict(sorted(self.counts.items())), UNKNOWNS: len(self.unknowns)}

    def windows(
        self, contexts: Iterable[Window], memories: Memories | None, most: int
    ) -> Iterator[Window]:
        """At most ``most`` synthetic windows, each after another of ``contexts``.

        ``contexts`` are real training windows in the order to take them; those of a chat in which
        @self never said not to know are passed over.
        """
        names = _Names(self.archive, self.seed)
        uses = Counter[str]()
        for number, context in enumerate(contexts):
            if sum(self.counts.values()) >= most:
                return
            made = self._asked(context, names, uses, number)
            if made is None:
                continue
            window, rule = made
            uses[window.turns[-1].lines[0].message_id] += 1
            self.counts[rule] += 1
            if memories is not None and number % 2:
                window = replace(window, memory=_misled(memories, window, context))
            yield window

    def _asked(
        self, context: Window, names: _Names, uses: Counter[str], number: int
    ) -> tuple[Window, str] | None:
        dice = Random(draw_of(self.seed, f"contrast:{context.id}"))
        here = [
            each
            for each in self.unknowns
            if each.chat == context.chat and uses[each.line.message_id] < MOST_USES
        ]
        lines = _before_reply(context)
        if not here or not lines:
            return None
        said = dice.choice(here)
        name, is_real = names.next(said.language, dice)
        if name is None:
            return None
        question = dice.choice(BY_LANGUAGE[said.language].questions).format(name)
        rule = "a member nothing is known of" if is_real else "a name nobody bears"
        return _window(context, lines, question, said, number), rule


def question_about(window: Window, thread: Thread, me: str) -> str:
    """Whom the line before the last reply asks about: a handle, or "" where it asks of nobody."""
    last = max(i for i, turn in enumerate(window.turns) if turn.is_target)
    asked = window.turns[last - 1].lines if last else ()
    by_id = {message.id: message for message in thread.messages}
    for line in reversed(asked):
        message = by_id.get(line.message_id)
        if message is None or not ASKS_WHO.search(message.text):
            continue
        for handle in message.mentions:
            if handle not in (me, message.person.handle):
                return handle
    return ""


def probes(archive: Archive, languages: Sequence[str], seed: int) -> list[Probe]:
    """Questions to judge a model with: names that no training window asks about, and real ones.

    Half the names are invented, half are the members who wrote most; in @self's languages, English
    where none of them is known here.
    """
    known = [code for code in languages if code in BY_LANGUAGE] or ["en"]
    dice = Random(draw_of(seed, "probes"))
    people = _busiest(archive)[: PROBE_NAMES // 2]
    invented = [
        (name, code, False)
        for code in known
        for name in probe_names(archive, code, seed)[: PROBE_NAMES // 2 // len(known) or 1]
    ]
    members = [(person.name, dice.choice(known), True) for person in people]
    return [
        Probe(dice.choice(BY_LANGUAGE[code].questions).format(name), name, code, is_real)
        for name, code, is_real in invented + members
    ]


class _Names:
    """Names to ask about, each once; never one that is kept for judging."""

    def __init__(self, archive: Archive, seed: int) -> None:
        self._archive, self._seed = archive, seed
        self._strangers = _strangers(archive, seed)
        self._invented: dict[str, Iterator[str]] = {}

    def next(self, language: str, dice: Random) -> tuple[str | None, bool]:
        """A name, and whether a member bears it."""
        if self._strangers and dice.random() < STRANGER_SHARE:
            return self._strangers.pop(), True
        if language not in self._invented:
            kept = probe_names(self._archive, language, self._seed)
            own = Random(draw_of(self._seed, f"names:{language}"))
            self._invented[language] = _free_names(self._archive, language, own, kept)
        return next(self._invented[language], None), False


def _free_names(
    archive: Archive, language: str, dice: Random, more: Iterable[str] = ()
) -> Iterator[str]:
    taken = [name for person in archive.people() for name in (person.handle, *person.names)]
    return invented_names(
        language,
        dice,
        [*taken, *more],
        is_known=lambda name: bool(archive.search(name, limit=1)),
    )


def probe_names(archive: Archive, language: str, seed: int) -> list[str]:
    """Names that nobody bears and that no training window asks about, for judging."""
    names = _free_names(archive, language, Random(draw_of(seed, f"probe names:{language}")))
    return [name for name, _ in zip(names, range(PROBE_NAMES), strict=False)]


def _strangers(archive: Archive, seed: int) -> list[str]:
    """Members who hardly wrote, and whose name stands in no message."""
    counts = archive.message_counts()
    found = [
        person
        for person in archive.people()
        if counts.get(person.id, 0) <= STRANGER_MESSAGES and not (person.is_self or person.is_bot)
    ]
    found.sort(key=lambda person: draw_of(seed, f"stranger:{person.handle}"))
    heard = (person.name for person in found[:200] if len("".join(terms(person.name))) > 1)
    return [name for name in heard if not archive.search(name, limit=1)]


def _busiest(archive: Archive) -> list[Person]:
    counts = archive.message_counts()
    others = (person for person in archive.people() if not (person.is_self or person.is_bot))
    return sorted(others, key=lambda person: (-counts.get(person.id, 0), person.id))


def _before_reply(window: Window) -> list[tuple[Line, bool]]:
    """The last few lines before the first reply, each with whether @self wrote it."""
    first = next(i for i, turn in enumerate(window.turns) if turn.is_target)
    lines = [(line, turn.is_self) for turn in window.turns[:first] for line in turn.lines]
    return lines[-CONTEXT_LINES:]


def _window(
    context: Window, lines: Sequence[tuple[Line, bool]], question: str, said: Unknown, number: int
) -> Window:
    """The stretch of ``context``, the question by who spoke last there, and the reply."""
    asker = next(line for line, is_self in reversed(lines) if not is_self)
    asked = Line(asker.handle, question, sent_at=lines[-1][0].sent_at)
    turns: list[Turn] = []
    for line, is_self in (*lines, (asked, False)):
        if turns and turns[-1].is_self == is_self:
            turns[-1] = replace(turns[-1], lines=(*turns[-1].lines, line))
        else:
            turns.append(Turn((line,), is_self))
    reply = replace(said.line, sent_at=asked.sent_at)
    turns.append(Turn((reply,), is_self=True, is_target=True))
    return Window(f"{context.id}#name{number}", context.chat, tuple(turns), kind=WindowKind.NAME)


def _misled(memories: Memories, window: Window, context: Window) -> tuple[str, ...]:
    """Passages about other things than the name."""
    asked = memories.asked(context, text=window.turns[-2].lines[-1].text)
    if asked is None:
        return ()
    return memories.unrelated(asked, 2, draw_of(0, window.id))
