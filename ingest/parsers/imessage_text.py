"""imessage-exporter's text files: a date, a sender and a body, with replies indented inside.

Format: see `imessage`. Bodies may hold empty lines, so a message ends only where the next begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo

from ingest.chat import Attachment, AttachmentKind, RawMessage
from ingest.errors import FormatError
from ingest.parsers import imessage
from ingest.parsers.base import Parser, Reading, Skipped
from ingest.parsers.imessage import DATE, Found, Transcript, messages
from ingest.parsers.text import MAX_LINE, head_text, lines_of

_HEAD = re.compile(rf"( {{4}})?({DATE})(?: (\(Read by .{{1,99}} after .{{1,99}}\)))?")
_ANNOUNCED = re.compile(rf"({DATE}) \S.*|Unable to format announcement!")
_HISTORY = re.compile(rf"{DATE} (.*)")
_EDITED = re.compile(r"Edited (.{1,99}) later: (.*)")
_UNSENT = re.compile(r".{1,99} unsent this message part( .{1,99} after sending)?!")
_STICKER = re.compile(r"(?:\w+ )?Sticker from .{1,99}?: (.+?)(?: \((?:App|Genmoji prompt): .*\))?")
_PATH = re.compile(
    r"(?:~?/|attachments/|\.\.?/|[A-Za-z]:\\)\S.*\.\w{1,25}"
    r"|(?:[\w\-().%]{1,120}|(?:Audio Message|IMG|Screen ?[Ss]hot|Screen Recording).{0,99})"
    r"\.(?:heic|jpe?g|png|gif|mov|mp4|m4a|caf|amr|vcf|pluginPayloadAttachment)",
    re.IGNORECASE,
)
_MAX_PATH = 4096
_ANSWER = "This message responded to an earlier message."
_DELETED = "This message was deleted from the conversation!"
_NOTICES = ("SharePlay Message", "Started sharing location!", "Stopped sharing location!")
_EFFECT = re.compile(
    r"Sent with (?:Confetti|Echo|Fireworks|Balloons|Heart|Lasers|Shooting Start?|Sparkles|Spotlight"
    r"|Slam|Loud|Gentle|Invisible Ink)"
)


def claims(head: bytes) -> bool:
    """The first line is a message's date, with a sender's line below; or an announcement."""
    text = head_text(head)
    lines = [line for line in (text or "").lstrip().splitlines()[:200] if line.strip()]
    if not lines or not (_HEAD.fullmatch(lines[0]) or _ANNOUNCED.fullmatch(lines[0])):
        return False
    heads = [number for number, line in enumerate(lines[:-1]) if _HEAD.fullmatch(line)]
    return any(not _HEAD.fullmatch(lines[number + 1]) for number in heads)


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages; a reply comes right after the message it answers."""
    transcript = Transcript(reading)
    for block in _blocks(reading):
        if isinstance(block, Skipped):
            yield block
        elif (top := _found(block, reading.zone)) is None:
            yield Skipped("no date", f"line {block.line + 1}")
        else:
            replies = (_found(reply, reading.zone) for reply in block.replies)
            yield from messages(transcript, top, filter(None, replies))


PARSER = Parser(
    "imessage",
    "imessage-exporter text",
    "a text file of imessage-exporter",
    claims,
    parse,
)


@dataclass
class _Block:
    """The lines of one message."""

    line: int
    date: str
    is_read_by_them: bool
    sender: str | None = None
    body: list[str] = field(default_factory=list)
    replies: list[_Block] = field(default_factory=list)


def _blocks(reading: Reading) -> Iterator[_Block | Skipped]:
    top: _Block | None = None
    was_blank, size = True, 0
    for number, line in enumerate(lines_of(reading)):
        head = _HEAD.fullmatch(line)
        if was_blank and not head and _ANNOUNCED.fullmatch(line):
            if top:
                yield top
            top = None
            yield Skipped("service notice", f"line {number + 1}")
        elif head and not head[1] and (was_blank or top is None):
            if top:
                yield top
            top, size = _block(number, head), 0
        elif top is None:
            if line.strip():
                yield Skipped("line before the first message", f"line {number + 1}")
        else:
            size += len(line)
            _continue(top, number, line, was_blank)
        if size > MAX_LINE:
            raise FormatError(
                f"{reading.name}:{number + 1}: a message of over 4 million characters"
            )
        was_blank = not line.strip()
    if top:
        yield top


def _block(number: int, head: re.Match[str]) -> _Block:
    return _Block(number, head[2], (head[3] or "").startswith("(Read by them"))


def _continue(top: _Block, number: int, line: str, was_blank: bool) -> None:
    """Add a line to a message or to the last reply inside it."""
    head = _HEAD.fullmatch(line)
    reply = top.replies[-1] if top.replies else None
    if head and head[1] and top.sender is not None:
        top.replies.append(_block(number, head))
    elif top.sender is None:
        top.sender = line.strip()
    elif reply and reply.sender is None:
        reply.sender = line.strip()
    elif (
        reply and line != _ANSWER and (line.startswith("    ") or not line.strip() or not was_blank)
    ):
        # Versions before 4 indent only the first line of a reply's text.
        reply.body.append(line.removeprefix("    "))
    else:
        top.body.append(line)


@dataclass
class _Body:
    """The lines of a body, sorted by what they are."""

    text: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    tapbacks: list[str] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)

    def add(self, line: str, *, is_tapback: bool) -> None:
        if is_tapback:
            self.tapbacks.append(line)
        elif line in (_ANSWER, _DELETED):
            self.marks.add(line)
        elif _UNSENT.fullmatch(line):
            self.marks.add("unsent")
        elif edited := _EDITED.fullmatch(line):
            self.edits.append(edited[1])
            self.text = [edited[2]]
        elif line.startswith("Transcription: ") and self.attachments:
            said = line.removeprefix("Transcription: ")
            self.attachments[-1] = imessage.with_label(self.attachments[-1], said)
        elif item := _attachment(line):
            self.attachments.append(item)
        elif not _EFFECT.fullmatch(line):
            self.text.append(line)


def _attachment(line: str) -> Attachment | None:
    if len(line) > _MAX_PATH:
        return None
    if sticker := _STICKER.fullmatch(line):
        return Attachment(AttachmentKind.STICKER, "", sticker[1])
    if line == "Attachment missing!" or line.startswith("Unable to format app message: "):
        return Attachment(AttachmentKind.OTHER)
    return imessage.attachment(line) if _PATH.fullmatch(line) and "://" not in line else None


def _sorted(lines: list[str]) -> _Body:
    body = _Body()
    if lines and (original := _HISTORY.fullmatch(lines[0])) and _is_history(lines):
        lines = [original[1], *lines[1:]]
    in_tapbacks = False
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line.strip() in ("Tapbacks:", "Reactions:") and imessage.is_tapback(following):
            in_tapbacks = True
            continue
        in_tapbacks = in_tapbacks and imessage.is_tapback(line)
        body.add(line, is_tapback=in_tapbacks)
    return body


def _is_history(lines: list[str]) -> bool:
    return any(map(_EDITED.fullmatch, lines))


def _found(block: _Block, zone: tzinfo) -> Found | None:
    sent_at = imessage.instant(block.date, zone)
    if sent_at is None:
        return None
    body = _sorted(block.body)
    text = "\n".join(body.text).strip()
    return Found(
        sent_at=sent_at,
        sender=block.sender or "",
        text="" if text.startswith(_NOTICES) else text,
        attachments=tuple(body.attachments),
        reactions=tuple(imessage.reactions(body.tapbacks)),
        edited_at=imessage.later(sent_at, body.edits) if body.edits else None,
        is_sent=block.is_read_by_them,
        is_unsent="unsent" in body.marks,
        is_deleted=_DELETED in body.marks,
        is_notice=text.startswith(_NOTICES),
        is_answer=_ANSWER in body.marks,
        line=block.line,
    )
