"""imessage-exporter's HTML pages: one ``div`` a message, with its replies inside.

Format: see `imessage`. Since version 2 the link behind a date holds the message's own id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from urllib.parse import unquote

from lxml import etree

from ingest.chat import Attachment, AttachmentKind, RawMessage
from ingest.parsers import imessage
from ingest.parsers.base import Parser, Reading, Skipped
from ingest.parsers.html_items import classes, elements, text_of
from ingest.parsers.imessage import Found, Transcript, messages

_GUID = re.compile(r"message-guid=([\w\-]{8,60})")
_SPAN = re.compile(r"Edited (.{1,99}) later")
_MEDIA = {
    "img": AttachmentKind.PHOTO,
    "video": AttachmentKind.VIDEO,
    "audio": AttachmentKind.AUDIO,
}


def claims(head: bytes) -> bool:
    """A page with messages that were ``sent`` or ``received``, by a ``sender``."""
    is_message = re.search(rb'<div class ?="message"', head) and b'class="timestamp"' in head
    is_sided = re.search(rb'<div class="(?:received|sent(?: \w+)?)"', head)
    return bool(is_message and is_sided and b'class="sender"' in head)


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages; a reply comes right after the message it answers."""
    transcript = Transcript(reading)
    reading.stream.seek(0)
    for element in elements(reading.stream, reading.name, _is_top):
        if "announcement" in classes(element):
            yield Skipped("service notice")
        elif (top := _found(element, reading.zone)) is None:
            yield Skipped("no date")
        else:
            nested = (item for item in element.iter("div") if item is not element)
            replies = (_found(item, reading.zone) for item in nested if _is_message(item))
            yield from messages(transcript, top, filter(None, replies))


PARSER = Parser(
    "imessage_html",
    "imessage-exporter HTML",
    "an HTML page of imessage-exporter",
    claims,
    parse,
)


def _is_message(element: etree._Element) -> bool:
    # Version 2 wrote ``class="message", id="…"``, which makes the comma an attribute.
    return "message" in classes(element)


def _is_top(element: etree._Element) -> bool:
    if not _is_message(element) and "announcement" not in classes(element):
        return False
    return not any(map(_is_message, element.iterancestors("div")))


@dataclass
class _Message:
    """What was met inside one message so far."""

    date: str = ""
    guid: str = ""
    sender: str = ""
    text: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    tapbacks: list[str] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)

    def add(self, element: etree._Element) -> bool:
        """Take in an element; whether what is inside it is dealt with as well."""
        kinds = classes(element)
        if "timestamp" in kinds and not self.date:
            self._add_date(element)
        elif "sender" in kinds and not self.sender:
            self.sender = text_of(element)
        elif "subject" in kinds:
            self.text.append(text_of(element))
        elif "message_part" in kinds:
            self._add_part(element)
        elif kinds & {"tapback", "reaction"}:
            is_sticker = element.find(".//img") is not None
            told = " ".join(text_of(element).split())
            self.tapbacks.append("Sticker from somebody" if is_sticker else told)
        elif marks := kinds & {"reply_context", "deleted", "shareplay", "shared_location"}:
            self.marks |= marks
        else:
            self.marks |= kinds & {"sent", "received"}
            return bool(kinds & {"replies", "expressive"})
        return True

    def _add_date(self, element: etree._Element) -> None:
        self.date = text_of(element)
        links = (link.get("href") or "" for link in element.iter("a"))
        found = next(filter(None, map(_GUID.search, links)), None)
        self.guid = found[1] if found else ""

    def _add_part(self, part: etree._Element) -> None:
        before = len(self.attachments)
        for element in part.iter():
            if isinstance(element.tag, str):
                self._add_piece(element)
        if part.find(".//*") is None and (text := text_of(part)):
            self.text.append(text)
        for label in self._transcriptions(part):
            if len(self.attachments) > before:
                self.attachments[-1] = imessage.with_label(self.attachments[-1], label)

    def _transcriptions(self, part: etree._Element) -> Iterator[str]:
        for span in part.iter("span"):
            if "transcription" in classes(span):
                yield text_of(span).removeprefix("Transcription: ")

    def _add_piece(self, element: etree._Element) -> None:
        kinds = classes(element)
        inside = frozenset().union(*map(classes, element.iterancestors("div", "span", "a")))
        if "bubble" in kinds:
            self.text.append(text_of(element))
        elif "mentioned" in kinds:
            self.mentions.append(text_of(element))
        elif "edited" in kinds:
            self._add_history(element)
        elif "unsent" in kinds:
            self.marks.add("unsent")
        elif "sticker" in kinds:
            paths = [image.get("src") or "" for image in element.iter("img")]
            self.attachments.append(Attachment(AttachmentKind.STICKER, "", "".join(paths[:1])))
        elif "app" in kinds:
            self._add_app(element)
        elif "attachment_error" in kinds or "app_error" in kinds:
            self.attachments.append(_missing(text_of(element)))
        elif not inside & {"app", "sticker", "edited", "bubble"}:
            self.attachments.extend(_media(element))

    def _add_history(self, element: etree._Element) -> None:
        """The last version, and how long after the first it was written."""
        rows = [[text_of(cell) for cell in row.iter("td")] for row in element.iter("tr")]
        if rows and rows[-1]:
            self.text.append(rows[-1][-1])
        for row in rows:
            self.edits += [found[1] for found in map(_SPAN.search, row[:1]) if found]

    def _add_app(self, element: etree._Element) -> None:
        """The link of a link's preview; of other apps' bubbles their name."""
        links = [link.get("href") or "" for link in element.iter("a")]
        if links and re.match(r"https?://", links[0]):
            self.text.append(links[0])
        else:
            names = [text_of(item) for item in element.iter("div") if "name" in classes(item)]
            self.attachments.append(Attachment(AttachmentKind.OTHER, "".join(names[:1])[:60]))


def _media(element: etree._Element) -> Iterator[Attachment]:
    href = element.get("href") or ""
    source = element.get("src") or ""
    if element.tag == "a" and ("lick to" in text_of(element) or "ownload" in text_of(element)):
        yield imessage.attachment(unquote(href.removeprefix("file://")))
    elif element.tag in ("img", "audio") or (element.tag == "source" and _is_first(element)):
        found = imessage.attachment(unquote(source))
        parent = "video" if element.tag == "source" else str(element.tag)
        is_known = found.kind is not AttachmentKind.FILE
        yield found if is_known else Attachment(_MEDIA[parent], "", found.file)


def _is_first(source: etree._Element) -> bool:
    """Whether it is the first of a video's sources, which name one file twice."""
    previous = source.getprevious()
    parent = source.getparent()  # libxml2 takes a second source to be inside the first
    return "source" not in (
        previous.tag if previous is not None else "",
        parent.tag if parent is not None else "",
    )


def _missing(text: str) -> Attachment:
    name = text.partition("Unable to locate attachment:")[2].strip()
    found = imessage.attachment(name) if name else Attachment(AttachmentKind.OTHER)
    return Attachment(found.kind, found.label)


def _walk(element: etree._Element, message: _Message) -> None:
    stack = [child for child in reversed(element) if isinstance(child.tag, str)]
    while stack:
        inner = stack.pop()
        if not message.add(inner):
            stack += [child for child in reversed(inner) if isinstance(child.tag, str)]


def _found(element: etree._Element, zone: tzinfo) -> Found | None:
    message = _Message()
    _walk(element, message)
    sent_at = imessage.instant(message.date, zone)
    if sent_at is None:
        return None
    return Found(
        sent_at=sent_at,
        sender=message.sender,
        text="\n".join(filter(None, message.text)),
        mentions=tuple(message.mentions),
        attachments=tuple(message.attachments),
        reactions=tuple(imessage.reactions(message.tapbacks)),
        edited_at=imessage.later(sent_at, message.edits) if message.edits else None,
        is_sent="sent" in message.marks,
        is_unsent="unsent" in message.marks,
        is_deleted="deleted" in message.marks,
        is_notice=bool(message.marks & {"shareplay", "shared_location"}),
        is_answer="reply_context" in message.marks,
        guid=message.guid,
    )
