"""What the text and HTML files of imessage-exporter have in common.

Format: the exporter's own source (github.com/ReagentX/imessage-exporter, ``exporters/txt.rs`` and
``exporters/html.rs``, versions 1 to 4). Dates are always English and local; the owner is "Me".
A reply is written twice: inside the message it answers, and again where it was sent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import PurePosixPath

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage, Reaction
from ingest.parsers.base import DailyRepeats, Reading, Skipped, digest, kind_of

PLATFORM = "imessage"
DATE = r"[A-Z][a-z]{2} \d{1,2}, \d{4} {1,2}\d{1,2}:\d{2}:\d{2} [AP]M"
"""``May 17, 2022  5:29:42 PM``, by chrono's ``%b %d, %Y %l:%M:%S %p``."""
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_DATE = re.compile(r"([A-Z][a-z]{2}) (\d{1,2}), (\d{4}) {1,2}(\d{1,2}):(\d{2}):(\d{2}) ([AP])M")
_HANDLE = re.compile(r"\+?[\d ()\-.]{5,20}|[^@\s]+@[^@\s]+")
_SPAN = re.compile(r"(\d{1,6}) (day|hour|minute|second)s?")
_TAPBACK = re.compile(r"(\S{1,30}) by (.{1,200})")
_TAPBACKS = {
    "Loved": "❤️",
    "Liked": "👍",
    "Disliked": "👎",
    "Laughed": "😂",
    "Emphasized": "‼️",
    "Questioned": "❓",
}
_KINDS = {
    **dict.fromkeys(("amr", "caf"), AttachmentKind.VOICE),
    **dict.fromkeys(("aac", "aiff", "m4a", "mp3", "wav"), AttachmentKind.AUDIO),
    **dict.fromkeys(
        ("bmp", "heic", "heics", "heif", "jpeg", "jpg", "png", "tiff", "webp"), AttachmentKind.PHOTO
    ),
    **dict.fromkeys(("3gp", "avi", "m4v", "mov", "mp4"), AttachmentKind.VIDEO),
    "gif": AttachmentKind.GIF,
    "vcf": AttachmentKind.CONTACT,
}


@dataclass(frozen=True, slots=True)
class Found:
    """One message as a file shows it, wherever it stands in the file."""

    sent_at: datetime
    sender: str
    text: str
    mentions: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    edited_at: datetime | None = None
    is_sent: bool = False
    is_unsent: bool = False
    is_deleted: bool = False
    is_notice: bool = False
    is_answer: bool = False
    guid: str = ""
    line: int | None = None


class Transcript:
    """One file: turns what it shows into messages of one conversation."""

    def __init__(self, reading: Reading) -> None:
        stem = reading.path.stem
        # "Maya.txt", "+15550100.txt"; groups are "Maya, Budi.txt" or "Climbing - 12.txt".
        is_private = not re.search(r", | - \d+$|^orphaned$", stem)
        self._chat = Conversation(f"{PLATFORM}:{stem}", stem, PLATFORM, is_private=is_private)
        # Replies inside others are out of the order of time.
        self._repeats = {True: DailyRepeats(), False: DailyRepeats()}
        self._answers: set[str] = set()

    def message(self, found: Found, parent: str | None = None) -> RawMessage | Skipped:
        """The message; ``parent`` is the id of the one inside which it stands.

        An empty one where that is left out.
        """
        shown = digest(found.guid or found.sent_at, found.sender, found.text)
        if parent is None and found.is_answer and shown in self._answers:
            self._answers.discard(shown)
            return Skipped("reply shown a second time")
        if parent is not None:
            self._answers.add(shown)
        reason = _unwanted(found)
        if reason:
            return Skipped(reason)
        return RawMessage(
            id=self._id(found, is_inside=parent is not None),
            chat=self._chat,
            author=_account(found),
            sent_at=found.sent_at,
            text=found.text,
            kind=kind_of(found.text),
            reply_to=parent or None,
            mentions=tuple(Account(PLATFORM, "", name) for name in found.mentions),
            attachments=found.attachments,
            edited_at=found.edited_at,
            reactions=found.reactions,
            line=found.line,
        )

    def _id(self, found: Found, *, is_inside: bool) -> str:
        files = (item.file for item in found.attachments)
        repeats = self._repeats[is_inside]
        key = found.guid or repeats.id(
            found.sent_at.date(), found.sent_at, found.sender, found.text, *files
        )
        return f"{self._chat.id}:{key}"


def _unwanted(found: Found) -> str:
    if found.is_notice:
        return "service notice"
    if found.is_deleted:
        return "deleted"
    if found.text or found.attachments:
        return ""
    return "unsent" if found.is_unsent else "empty"


def _account(found: Found) -> Account:
    name = found.sender
    key = "me" if name == "Me" else name if _HANDLE.fullmatch(name) else f"name:{name}"
    return Account(PLATFORM, key, name, is_self=found.is_sent or key == "me")


def messages(
    transcript: Transcript, top: Found, replies: Iterable[Found]
) -> Iterator[RawMessage | Skipped]:
    """A message and, after it, the replies inside it."""
    shown = transcript.message(top)
    yield shown
    for reply in replies:
        yield transcript.message(reply, shown.id if isinstance(shown, RawMessage) else "")


def instant(text: str, zone: tzinfo) -> datetime | None:
    """The date at the start of ``text`` in UTC; None where there is none or no such day."""
    found = _DATE.match(text)
    if found is None or found[1] not in _MONTHS:
        return None
    hour = int(found[4]) % 12 + (12 if found[7] == "P" else 0)
    day = (int(found[3]), _MONTHS.index(found[1]) + 1, int(found[2]))
    try:
        local = datetime(*day, hour, int(found[5]), int(found[6]), tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def later(start: datetime, spans: Iterable[str]) -> datetime:
    """``start`` and ``1 hour, 49 seconds`` and so on, added up."""
    seconds = 0
    for span in spans:
        for number, unit in _SPAN.findall(span):
            seconds += int(timedelta(**{f"{unit}s": int(number)}).total_seconds())
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        return start


def reactions(lines: Iterable[str]) -> Iterator[Reaction]:
    """``Loved by Maya``, ``☕️ by Budi``, ``Sticker from Budi: …``."""
    counts: Counter[str] = Counter()
    for line in lines:
        if found := _TAPBACK.fullmatch(line.strip()):
            counts[_TAPBACKS.get(found[1], found[1])] += 1
        elif "Sticker from " in line:
            counts["sticker"] += 1
    for emoji, count in counts.items():
        yield Reaction(emoji, count)


def is_tapback(line: str) -> bool:
    """Whether ``line`` may stand under ``Tapbacks:``."""
    line = line.strip()
    found = _TAPBACK.fullmatch(line)
    if found is None:
        return "Sticker from " in line
    return found[1] in _TAPBACKS or not found[1].isascii()


def attachment(path: str, label: str = "") -> Attachment:
    """What lies at ``path``, by how it is called."""
    name = PurePosixPath(path.replace("\\", "/")).name
    if name.endswith(".loc.vcf"):
        return Attachment(AttachmentKind.LOCATION, label, path)
    if name.endswith(".pluginPayloadAttachment"):
        return Attachment(AttachmentKind.OTHER, label, path)
    kind = _KINDS.get(name.rpartition(".")[2].lower(), AttachmentKind.FILE)
    return Attachment(kind, label or (name if kind is AttachmentKind.FILE else ""), path)


def with_label(item: Attachment, label: str) -> Attachment:
    """The attachment with what was said in it, as the phone wrote it down."""
    return replace(item, label=label)
