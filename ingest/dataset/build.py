"""The dataset: windows split by time, written as JSON lines, the manifest last.

The same archive, settings and seed give the same bytes in every file; only the manifest's
``created_at`` differs. Training data lies before validation data, validation before test; borders
lie where no thread with @self goes on, and what one cuts all the same is left out and counted.

    judge            every message of @self: a reason, or a weight     (quality, clean, similar)
    recover_threads  who answers whom                                  (threads)
    Teaching         threads to windows: replies, openers              (teaching, windows, openers)
    positions        what @self answered and read past                 (silence)
    Memories         what recall would have shown                      (memory, threadbook)
    Contrast         not inventing things about names                  (contrast, unknowing)
    lessons          questions about @self's writings                  (lessons)
    preferences      what was thought of the bot's replies             (preferences)
    choose_borders   where training ends                               (borders)
    SplitFiles       redacted, counted, written                        (split_files, redact)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Conversation, Message, Person, Thread
from ingest.dataset.contrast import Contrast, question_about
from ingest.dataset.draft import Draft
from ingest.dataset.lessons import lessons
from ingest.dataset.manifest import (
    DatasetManifest,
    RuleCount,
    SplitCounts,
)
from ingest.dataset.memory import Memories, Recaller
from ingest.dataset.openers import Tails
from ingest.dataset.plan import Beside, Plan, Watch, unwatched
from ingest.dataset.preferences import preferences
from ingest.dataset.quality import Verdicts, judge
from ingest.dataset.silence import AROUND, Sieve, Stratum, draw_of, example_of, positions
from ingest.dataset.split_files import SILENCE, SplitFiles
from ingest.dataset.teaching import Teaching
from ingest.dataset.threadbook import ThreadBook
from ingest.errors import DatasetError
from ingest.persona import SAMPLE_MESSAGES, Persona, describe, head_text
from ingest.prompt import RENDERER
from ingest.redaction.redact import redactor_for
from ingest.scope import WRITING
from ingest.threads import recover_threads
from ingest.windows import Cut

BESIDE = "beside a message that is not learned"


def build(
    archive: Archive,
    folder: Path,
    settings: Settings,
    *,
    now: datetime,
    recall: Recaller | None = None,
    pairs: Path | None = None,
    watch: Watch = unwatched,
) -> DatasetManifest:
    """Write the dataset of ``archive`` to ``folder`` and return its manifest.

    ``recall`` gives the passages to show in a window; it is asked for a share of the windows.
    ``pairs`` is a file of questions and answers about @self's writings, to be trained on, too.
    ``watch`` passes the items of the long steps on, and may show how far they are. Raises
    DatasetError, before anything is written, where @self has too few replies.
    """
    source = _Source.of(archive, settings)
    folder.mkdir(parents=True, exist_ok=True)
    with Draft(folder) as draft, ThreadBook(folder) as book:
        untaught = _Drafting(source, draft, book).run(watch)
        if not any(stretch.replies for stretch in draft.stretches()):
            _refuse(0, "replies to others", settings.dataset.min_replies)
        plan = Plan.of(draft, settings.dataset)
        persona = _persona(source, plan)
        hides = settings.ingest.redact
        redactor = redactor_for(settings.ingest, persona.languages) if hides else None
        with SplitFiles(folder, redactor) as files:
            made = _write(source, plan, files, _beside(source, book, recall), pairs, watch)
            feedback = _prefer(source, plan, files)
            _require_enough(files.counts, settings)
            dropped = _dropped(source.verdicts, plan, untaught)
            manifest = _manifest(source, plan, persona, files, dropped, now)
            manifest = replace(manifest, synthetic=made, feedback=feedback)
            files.finish(manifest)
    return manifest


def _beside(source: _Source, book: ThreadBook, recall: Recaller | None) -> Beside:
    """What the settings ask to be taught beside the replies."""
    archive, settings = source.archive, source.settings
    wanted = settings.dataset
    names = {person.handle: person.names for person in archive.people()}
    memories = None
    if recall is not None and wanted.memory_share:
        memories = Memories(archive, settings, book, recall)
    contrast = Contrast(archive, wanted.seed) if wanted.contrast_share else None
    return Beside(memories, contrast, names)


def _write(
    source: _Source,
    plan: Plan,
    files: SplitFiles,
    beside: Beside,
    pairs: Path | None,
    watch: Watch,
) -> dict[str, dict[str, int]]:
    """Write all windows; what came of the synthetic ones."""
    plan.write(files, beside, watch)
    writings = Counter[str]()
    if pairs is not None:
        wanted = source.settings.dataset
        most = round(plan.train_replies * wanted.writings_share)
        for window in lessons(source.archive, pairs, seed=wanted.seed, most=most, counts=writings):
            files.add_window("train", window)
    return {
        "names": beside.contrast.summary() if beside.contrast else {},
        "writings": dict(sorted(writings.items())),
    }


def _prefer(source: _Source, plan: Plan, files: SplitFiles) -> dict[str, int]:
    """Write what is preferred by what was thought of replies; what came of all of it."""
    counts = Counter[str]()
    before = plan.borders["validation"]
    for preference in preferences(source.archive, before=before, counts=counts):
        files.add_preference(preference)
    return dict(sorted(counts.items()))


@dataclass(frozen=True, slots=True)
class _Source:
    """What a dataset is made from: the chats learned from, and what to make of @self's words."""

    archive: Archive
    settings: Settings
    me: Person
    chats: tuple[Conversation, ...]
    verdicts: Verdicts

    @classmethod
    def of(cls, archive: Archive, settings: Settings) -> _Source:
        me, chats = archive.me(), archive.chats()
        writings = frozenset(chat.id for chat in chats if chat.platform == WRITING)
        verdicts = judge(archive, skip=writings)
        if verdicts.total < settings.dataset.min_replies:
            _refuse(verdicts.total, "messages", settings.dataset.min_replies)
        talks = tuple(chat for chat in chats if chat.id not in writings)
        return cls(archive, settings, me, talks, verdicts)


def _manifest(
    source: _Source,
    plan: Plan,
    persona: Persona,
    files: SplitFiles,
    dropped: dict[str, int],
    now: datetime,
) -> DatasetManifest:
    settings, verdicts = source.settings, source.verdicts
    return DatasetManifest(
        hash=files.digest(),
        created_at=now.isoformat(timespec="seconds"),
        renderer=RENDERER,
        head=head_text(persona, settings.persona.card),
        languages=dict(persona.languages),
        self_handle=source.me.handle,
        self_name=persona.name,
        chats=[chat.title for chat in source.chats],
        archive_revision=source.archive.revision,
        splits=files.counts,
        borders={name: border.isoformat() for name, border in plan.borders.items()},
        dropped=dropped,
        settings=settings.dataset.model_dump(),
        written=verdicts.total,
        learned=verdicts.total - sum(dropped.values()),
        rules=_rules(verdicts, plan, dropped),
        redacted=dict(sorted(files.redacted.items())),
        silence=_silence(files, settings),
        privacy={"redact": settings.ingest.redact, "pseudonyms": settings.ingest.pseudonyms},
        memory={split: dict(sorted(shown.items())) for split, shown in plan.shown.items()},
    )


class _Drafting:
    """The pass over all threads that fills a draft."""

    def __init__(self, source: _Source, draft: Draft, book: ThreadBook) -> None:
        settings, verdicts = source.settings, source.verdicts
        self._source, self._draft, self._book = source, draft, book
        self._gap = timedelta(minutes=settings.threads.gap_minutes)
        self._seed = settings.dataset.seed
        enough = round(verdicts.total * settings.dataset.silence_per_answer)
        self._sieves = {stratum: Sieve(enough) for stratum in (Stratum.NEAR, Stratum.FAR)}
        tails = Tails(self._gap)
        self._tails = tails
        cut = Cut(settings.dataset.window_tokens, settings.dataset.context_messages)
        self._teaching = Teaching(verdicts, tails, cut)

    def run(self, watch: Watch) -> int:
        """Draft everything; returns how many learnable messages found no window."""
        counts = self._source.archive.chat_counts()
        total = sum(counts[chat.id] for chat in self._source.chats if self._is_learned(chat))
        messages = watch(self._messages(), "linking", total)
        me = self._source.me.handle
        timed = {chat.id for chat in self._source.chats if chat.has_times}
        for thread in recover_threads(self._tails.watch(messages), gap=self._gap):
            self._book.add(thread)
            for window in self._teaching.windows(thread):
                about = question_about(window, thread, me)
                self._draft.add_window(window, thread, draw_of(self._seed, window.id), about)
            if thread.messages[0].chat in timed:
                self._add_examples(thread, me)
        return self._teaching.untaught

    def _messages(self) -> Iterator[Message]:
        """The chats in which @self wrote; the others teach nothing, not even silence."""
        for chat in self._source.chats:
            if self._is_learned(chat):
                yield from self._source.archive.messages(chat.id)

    def _is_learned(self, chat: Conversation) -> bool:
        return chat.id in self._source.verdicts.times

    def _add_examples(self, thread: Thread, me: str) -> None:
        times = self._source.verdicts.times[thread.messages[0].chat]
        answered = self._source.verdicts.answered
        for position in positions(thread, me=me, times=times, answered=answered):
            draw = draw_of(self._seed, position.shown[-1].id)
            sieve = self._sieves.get(position.stratum)
            if sieve is None or sieve.passes(draw):
                self._draft.add_example(example_of(position, me=me, times=times), draw)


def _persona(source: _Source, plan: Plan) -> Persona:
    """@self as the training period shows them."""
    archive, before = source.archive, plan.borders["validation"]
    spoken = (m for chat in source.chats for m in archive.messages(chat.id, before=before))
    name = source.settings.persona.name or source.me.name
    return describe(islice(spoken, SAMPLE_MESSAGES), name=name, chat=source.chats[0].title)


def _require_enough(counts: dict[str, SplitCounts], settings: Settings) -> None:
    replies = sum(split.replies for split in counts.values())
    if replies < settings.dataset.min_replies or not counts["train"].replies:
        _refuse(replies, "replies to others", settings.dataset.min_replies)


def _refuse(found: int, what: str, needed: int) -> NoReturn:
    raise DatasetError(
        f"archive: only {found} {what} by @self, {needed} are needed to learn from; "
        "ingest more exports, or lower dataset.min_replies"
    )


def _dropped(verdicts: Verdicts, plan: Plan, untaught: int) -> dict[str, int]:
    """What @self wrote that is not learned from, by reason; every message has one at most."""
    reasons = (
        Counter(verdicts.reasons.values()) + plan.left_out.counts + Counter({BESIDE: untaught})
    )
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _rules(verdicts: Verdicts, plan: Plan, dropped: dict[str, int]) -> dict[str, RuleCount]:
    """The same with shares and examples, and the rules that only weigh or rewrite."""
    counts = dropped | {
        rule: count for rule, count in verdicts.tally.counts.items() if rule not in dropped
    }
    examples = verdicts.tally.examples | plan.left_out.examples
    return {
        rule: RuleCount(count, round(count / verdicts.total, 5), examples.get(rule, []))
        for rule, count in counts.items()
    }


def _silence(files: SplitFiles, settings: Settings) -> dict[str, Any]:
    return {
        "hash": files.digest(SILENCE),
        "per_answer": settings.dataset.silence_per_answer,
        "seed": settings.dataset.seed,
        "around_minutes": AROUND.total_seconds() / 60,
        "sampling": "all answered and addressed; the rest half near, half far, smallest hash first",
        "splits": {split: dict(sorted(found.items())) for split, found in files.examples.items()},
    }
