"""Questions with known answers: facts @self told once, and things nobody ever mentioned.

A *fact* is a question somebody really asked @self, whose answer holds a name or a number found in
hardly any other message. It is asked again at the end of what the models learned from: who only
learned a voice cannot know it, memory can. To an *unknown* name any statement is an invention.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import cycle, islice
from random import Random

from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Line, Message
from ingest.clean import is_noise, is_unlearnable
from ingest.dataset.contrast import probe_names
from ingest.dataset.unknowing import BY_LANGUAGE
from ingest.persona import languages_of
from ingest.redaction.redact import redactor_for
from ingest.scope import WRITING
from ingest.terms import terms
from ingest.threads import thread_with
from likeness.asking import (
    ASKS,
    ASKS_ABOUT,
    MARKED,
    NUMBER,
    PROSE,
    REMINDERS,
    is_spaced,
    names_in,
    stands_alone,
)
from likeness.records import Scene, SceneKind

AROUND = 60
"""Messages before an answer in which the question is looked for."""
NEAR = 6
"""Of these, how many there must be a question in at all."""
ANSWER = (1, 300)
"""Characters an answer has."""
MOST_WITH = 3
"""Messages of the archive that may hold what was said once: it is often echoed."""
COMMON = 50
"""Messages from which on a capital says nothing of a word."""
TOPIC_WITH = 8
"""Messages that may hold what one is reminded by."""
HEARD = 20_000
"""Messages before the end in which questions that name something are looked for."""
SAMPLE = 2000
_NOWHERE = "\x00"
LOOKED_UP = 200
"""Answers whose terms are looked up at once."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A message of @self, and what it names with the number of messages that name it."""

    answer: Message
    named: Mapping[str, float]

    @property
    def rare(self) -> tuple[str, ...]:
        """What was said once, or hardly more often."""
        return tuple(text for text, count in self.named.items() if 1 <= count <= MOST_WITH)

    def reminder(self) -> tuple[str, tuple[str, ...]]:
        """What to remind by, and what should come to mind; empty where there are not two things."""
        for topic, count in self.named.items():
            sign = set(terms(topic))
            rest = tuple(t for t in self.rare if t != topic and not _alike(sign, set(terms(t))))
            if rest and 1 <= count <= TOPIC_WITH and not NUMBER.match(topic):
                return topic, rest
        return "", ()


def _alike(one: Collection[str], other: Collection[str]) -> bool:
    return any(a.startswith(b) or b.startswith(a) for a in one for b in other)


def probe_scenes(
    archive: Archive, settings: Settings, *, until: datetime, facts: int, unknown: int, seed: int
) -> list[Scene]:
    """At most ``facts`` and ``unknown`` scenes at ``until``, made of what was said before it.

    The same for the same archive and seed. What the settings redact is never asked about.
    """
    found = list(islice(_facts(archive, settings, until, seed), facts))
    return [*found, *islice(_unknowns(archive, settings, until, seed), unknown)]


def _facts(archive: Archive, settings: Settings, until: datetime, seed: int) -> Iterator[Scene]:
    """What was really asked first; then what @self said, asked for in a form that fits anything."""
    is_secret = _secrets(archive, settings, until)
    gap = timedelta(minutes=settings.threads.gap_minutes)
    asked: set[str] = set()
    told = [one for one in _telling(archive, until, seed) if not is_secret(one.answer.text)]
    used: set[str] = set()
    for one in told:
        answer, texts = one.answer, one.rare
        question = _question(archive, answer, gap)
        if question is None or question.text in asked or not stands_alone(question.text):
            continue
        wanted = tuple(text for text in texts if not _is_told(text, question))
        if wanted and not is_secret(question.text):
            asked.add(question.text)
            used.add(answer.id)
            yield _scene(f"fact:{answer.id}", SceneKind.FACT, question, until, wanted)
    yield from _reminders(archive, [one for one in told if one.answer.id not in used], until)


def _scene(
    id: str, kind: SceneKind, asked: Message, at: datetime, wanted: tuple[str, ...] = ()
) -> Scene:
    line = Line(asked.person.handle, asked.text, sent_at=at)
    return Scene(id, kind, asked.chat, at, (line,), (), wanted, cluster=id)


def _reminders(archive: Archive, told: Sequence[_Told], until: datetime) -> Iterator[Scene]:
    """Messages that name two things: asked about one, the answer holds the other."""
    heard = _heard(archive, until)
    known = [code for code in _languages(archive, until) if code in REMINDERS] or ["en"]
    for one in told:
        near = [each for each in heard if each.chat == one.answer.chat]
        topic, wanted = one.reminder()
        if near and topic and wanted:
            code = "zh" if not is_spaced(topic) and "zh" in known else known[0]
            asker = near[len(one.answer.text) % len(near)]
            asked = replace(asker, text=REMINDERS[code].format(topic))
            yield _scene(f"fact:{one.answer.id}", SceneKind.FACT, asked, until, wanted)


def _telling(archive: Archive, until: datetime, seed: int) -> Iterator[_Told]:
    """What @self said, in random order, that names something rare."""
    found = _answers(archive, until, seed)
    while batch := list(islice(found, LOOKED_UP)):
        named = [(message, names_in(message.text)) for message in batch]
        counts = _counts(archive, {t for _, texts in named for text in texts for t in terms(text)})
        for message, texts in named:
            known = (_trimmed(text, counts) for text in texts)
            fewest = ((text, [counts[term] for term in terms(text)]) for text in known)
            one = _Told(message, {text: min(found) for text, found in fewest if found})
            if one.rare:
                yield one


def _trimmed(text: str, counts: Mapping[str, float]) -> str:
    """A name of several words without a first one that only begins a sentence."""
    first, _, rest = text.partition(" ")
    is_common = all(counts[term] > COMMON for term in terms(first))
    return rest if rest and is_common else text


def _answers(archive: Archive, until: datetime, seed: int) -> Iterator[Message]:
    """What @self said before ``until`` and may be learned from, in random order."""
    writings = {chat.id for chat in archive.chats() if chat.platform == WRITING}
    found = [
        message
        for message in archive.by_self()
        if message.sent_at < until
        and message.chat not in writings
        and ANSWER[0] <= len(message.text) <= ANSWER[1]
        and not MARKED.search(message.text)
        and is_noise(message) is None
        and is_unlearnable(message) is None
        and names_in(message.text)
    ]
    Random(seed).shuffle(found)
    yield from found


def _counts(archive: Archive, wanted: Collection[str]) -> dict[str, float]:
    """In how many messages each term stands, from how rare it is beside one that stands in none."""
    if not wanted:
        return {}
    rarity = archive.rarity([*wanted, _NOWHERE])
    return {term: round((math.exp(rarity[_NOWHERE] - rarity[term]) - 1) / 2, 3) for term in wanted}


def _question(archive: Archive, answer: Message, gap: timedelta) -> Message | None:
    """What somebody asked there: the explicit target, or what the thread linker finds."""
    if answer.reply_to:
        target = next(iter(archive.get([answer.reply_to])), None)
        return target if target is not None and _is_asked(target) else None
    before = archive.history(answer.chat, before=answer.sent_at, limit=AROUND)
    if not any(_is_asked(message) for message in before[-NEAR:]):
        return None
    thread = thread_with([*before, answer], answer.id, gap=gap)
    links = thread.links if thread else ()
    wanted = {link.target for link in links if link.source == answer.id}
    return next((m for m in before if m.id in wanted and _is_asked(m)), None)


def _is_asked(message: Message) -> bool:
    """Whether somebody else asks something."""
    person = message.person
    return (
        not person.is_self
        and not person.is_bot
        and is_noise(message) is None
        and message.forwarded_from is None
        and bool(ASKS.search(message.text))
    )


def _is_told(text: str, question: Message) -> bool:
    """Whether the question itself says it."""
    return not set(terms(text)).isdisjoint(terms(question.text))


def _secrets(archive: Archive, settings: Settings, until: datetime) -> Callable[[str], bool]:
    """Whether a text holds what is redacted."""
    if not settings.ingest.redact:
        return lambda _text: False
    redact = redactor_for(settings.ingest, _languages(archive, until))
    return lambda text: redact(text, Counter()) != text


def _languages(archive: Archive, until: datetime) -> list[str]:
    own = (message.text for message in archive.by_self() if message.sent_at < until)
    return list(languages_of(islice(own, SAMPLE)))


def _unknowns(archive: Archive, settings: Settings, until: datetime, seed: int) -> Iterator[Scene]:
    """Real questions with an invented name in them, and plain ones, in turn."""
    heard = _heard(archive, until)
    if not heard:
        return
    dice = Random(seed)
    is_secret = _secrets(archive, settings, until)
    real = [m for m in heard if _names_one(m.text) and not is_secret(m.text)]
    dice.shuffle(real)
    known = [code for code in _languages(archive, until) if code in BY_LANGUAGE] or ["en"]
    names = {code: cycle(probe_names(archive, code, settings.dataset.seed)) for code in known}
    for number, code in enumerate(cycle(known)):
        name = next(names[code], None)
        if name is None:
            return
        asker = dice.choice(heard)
        text = dice.choice(_plain(code)).format(name)
        if number % 2 and real and name.isascii():
            asker = real.pop()
            text = _with_name(asker.text, name)
        yield _scene(f"unknown:{number}", SceneKind.UNKNOWN, replace(asker, text=text), until)


def _heard(archive: Archive, until: datetime) -> list[Message]:
    """What others said last in the chat in which @self writes most."""
    chats = Counter(message.chat for message in archive.by_self() if message.sent_at < until)
    talks = {chat.id for chat in archive.chats() if chat.platform != WRITING}
    chat = next((each for each, _ in chats.most_common() if each in talks), None)
    if chat is None:
        return []
    said = archive.history(chat, before=until, limit=HEARD)
    return [m for m in said if is_noise(m) is None and not (m.person.is_self or m.person.is_bot)]


def _names_one(text: str) -> bool:
    """Whether it asks about one thing by name, and stands alone."""
    return bool(ASKS_ABOUT.match(text) and PROSE.fullmatch(text)) and stands_alone(text)


def _with_name(text: str, name: str) -> str:
    found = ASKS_ABOUT.match(text)
    return text if found is None else text[: found.start("name")] + name + text[found.end("name") :]


def _plain(language: str) -> list[str]:
    return [each for each in BY_LANGUAGE[language].questions if "@" not in each]
