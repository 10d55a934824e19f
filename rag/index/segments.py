"""Segments: stretches of a chat whose passages follow from their own messages alone.

A chat is cut at silences, so that a change needs no more than the segments that read it cut again,
and doing so gives the same passages as cutting the whole chat anew. Each segment starts a linker of
its own; the messages just before it make it warm, and what is quoted from further back is shown to
it as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ingest.archive import Archive
from ingest.chat import Message, Thread
from ingest.database import instant
from ingest.following import EVER
from ingest.linker.stream import REMEMBERED
from ingest.threads import recover_threads

SEGMENTS = "segments-1"
"""Name and version of the borders made here."""
FIRST, LAST = -(1 << 62), 1 << 62


@dataclass(frozen=True, slots=True)
class Sizes:
    """How segments are made, in messages.

    A silence ends one that has ``least``; at ``most`` it ends without one, and its threads are cut
    in two. The linker reads ``warm`` messages before the first it is asked about (it looks 64
    back), and replies lead ``reach`` messages back.
    """

    least: int = 4000
    most: int = 12_000
    warm: int = 256
    reach: int = REMEMBERED


SIZES = Sizes()


@dataclass(frozen=True, slots=True)
class Segment:
    """Messages sent from ``since`` to before ``until``; linking them read from ``reads_from`` on.

    Instants are milliseconds since 1970; FIRST and LAST stand for no bound.
    """

    since: int
    until: int
    reads_from: int
    messages: int


def segments_of(times: Sequence[int], gap: timedelta, sizes: Sizes = SIZES) -> list[Segment]:
    """The segments of a chat whose messages were sent at ``times``, oldest first.

    They tile all of time, so that every message that will ever come belongs to one.
    """
    starts = [0, *_borders(times, gap // timedelta(milliseconds=1), sizes)]
    ends = [*starts[1:], len(times)]
    return [
        Segment(
            times[start] if start else FIRST,
            times[end] if end < len(times) else LAST,
            times[start - sizes.reach] if start > sizes.reach else FIRST,
            end - start,
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def _borders(times: Sequence[int], gap: int, sizes: Sizes) -> Iterator[int]:
    start = 0
    for place in range(1, len(times)):
        size, silence = place - start, times[place] - times[place - 1]
        if (size >= sizes.least and silence > gap) or (size >= sizes.most and silence > 0):
            yield place
            start = place


def threads_of(
    archive: Archive, chat: str, segment: Segment, gap: timedelta, sizes: Sizes = SIZES
) -> Iterator[Thread]:
    """The threads of a segment; one that began before it shows the last line from there."""
    since = None if segment.since == FIRST else instant(segment.since)
    until = None if segment.until == LAST else instant(segment.until)
    messages = list(archive.messages(chat, after=since, before=until))
    before = [] if since is None else _before(archive, messages, segment, sizes)
    for thread in recover_threads([*before, *messages], gap=gap):
        trimmed = thread if since is None else _from(thread, since)
        if trimmed is not None:
            yield trimmed


def _before(
    archive: Archive, messages: Sequence[Message], segment: Segment, sizes: Sizes
) -> list[Message]:
    """What a linker reads first: quoted messages from further back, and the latest ones."""
    if not messages:
        return []
    chat, since = messages[0].chat, instant(segment.since)
    warm = archive.history(chat, before=since, limit=sizes.warm)
    known = {message.id for message in (*warm, *messages)}
    wanted = {message.reply_to for message in messages} - known - {None}
    first = EVER if segment.reads_from == FIRST else instant(segment.reads_from)
    quoted = [
        message
        for message in archive.get(sorted(filter(None, wanted)))
        if message.chat == chat and first <= message.sent_at < since
    ]
    return [*sorted(quoted, key=lambda message: (message.sent_at, message.id)), *warm]


def _from(thread: Thread, since: datetime) -> Thread | None:
    """The part of a thread that is not before ``since``, with the line it goes on from."""
    places = range(len(thread.messages))
    start = next((i for i in places if thread.messages[i].sent_at >= since), None)
    if start is None:
        return None
    return thread if start <= 1 else replace(thread, messages=thread.messages[start - 1 :])
