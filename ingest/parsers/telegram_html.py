"""Telegram Desktop's HTML export: ``messages.html``, ``messages2.html``… of one chat.

The shapes follow the exporter's own source (tdesktop ``export/output/export_output_html.cpp``).
The pages tell neither the chat's id nor anybody's: people are known by the names displayed, chats
by their titles. Messages have the ids of the JSON export. Times have no offset before 2022.
"""

from __future__ import annotations

import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from lxml import etree

from ingest.chat import Account, Conversation, RawMessage, Reaction
from ingest.parsers.base import Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.html_items import classes, elements, text_of
from ingest.parsers.telegram import PLATFORM
from ingest.parsers.telegram_html_media import attachments_of, find, is_call

_DELETED = "Deleted Account"
_PAGE = re.compile(r"(messages)(\d*)(\.html?)", re.IGNORECASE)
_TIME = re.compile(
    r"(\d{1,2})\.(\d{1,2})\.(\d{4}) (\d{1,2}):(\d{2}):(\d{2})(?: UTC([+-])(\d{1,2}):?(\d{2}))?"
)
_ID = re.compile(r"(-?\d+)\Z")
_TARGET = re.compile(r"go_to_message(-?\d+)")
_VIA = re.compile(r" via @\w+\Z")
_BUTTONS = "bot_buttons_table"


def claims(head: bytes) -> bool:
    """An HTML page with Telegram's frame and messages; its lists of chats and contacts are none."""
    start = head.removeprefix(BOM_UTF8).lstrip()[:300].lower()
    return (
        start.startswith((b"<!doctype html", b"<html"))
        and bool(re.search(rb"class=[\"']page_(wrap|header|body chat_page)\b", head))
        and bool(re.search(rb"class=[\"'](history|message (default|service)\b)", head))
    )


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of one page; it goes on where the page before it ended."""
    reading.stream.seek(0)
    page = _Page(reading)
    for element in elements(reading.stream, reading.name, _is_wanted):
        item = page.read(element)
        if item is not None:
            yield item


PARSER = Parser(
    "telegram_html", "Telegram Desktop HTML", "Telegram Desktop messages.html", claims, parse
)


def _is_wanted(element: etree._Element) -> bool:
    found = classes(element)
    return "page_header" in found or ("message" in found and bool(found & {"default", "service"}))


@dataclass
class _Page:
    """What later messages of a page need to know of earlier ones."""

    reading: Reading
    chat: Conversation | None = None
    author: Account | None = None
    forwarded_from: str | None = None
    topics: set[str] = field(default_factory=set)

    def read(self, element: etree._Element) -> RawMessage | Skipped | None:
        """The message that ``element`` is, why it is none, or None for the page's header."""
        if "page_header" in classes(element):
            self.chat = self._conversation(element)
            return None
        number = _ID.search(element.get("id") or "")
        key = number[1] if number else ""
        if "service" in classes(element):
            return self._service(element, key)
        body = find(element, "body")
        if body is None:
            return Skipped("not a message", element.get("id") or "")
        return self._message(body, key)

    def _conversation(self, header: etree._Element | None = None) -> Conversation:
        text = find(header, "text") if header is not None else None
        title = " ".join(text_of(text).split()) if text is not None else self.reading.path.stem
        # Many chats bear the title of a deleted account; their folders tell them apart.
        known = (title, self.reading.path.parent.name) if title == _DELETED else (title,)
        return Conversation(f"{PLATFORM}:{digest(*known)}", title, PLATFORM)

    def _service(self, element: etree._Element, key: str) -> Skipped:
        """Notices; a topic's is the message that the topic's first ones "answer"."""
        if " created topic " in text_of(element):
            self.topics.add(key)
        return Skipped("date line" if _is_date(element, key) else "service notice")

    def _message(self, body: etree._Element, key: str) -> RawMessage | Skipped:
        chat = self.chat = self.chat or self._conversation()
        author = self._author(body)
        forwarded = find(body, "forwarded", "body")
        content = body if forwarded is None else forwarded
        origin = self._origin(forwarded)
        if is_call(content):
            return Skipped("service notice")
        sent_at = _sent_at(body, self.reading.zone)
        if sent_at is None:
            return Skipped("no date", f"message {key}")
        written = find(content, "text")
        mentions = tuple(_mentions(written)) if written is not None else ()
        text = text_of(written) if written is not None else ""
        attachments = tuple(attachments_of(content))
        if not text and not attachments:
            return Skipped("empty")
        return RawMessage(
            id=f"{chat.id}:{key or digest(sent_at, author.key, text)}",
            chat=chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            reply_to=self._reply_to(content, chat),
            mentions=mentions,
            attachments=attachments,
            forwarded_from=origin,
            reactions=tuple(_reactions(body)),
        )

    def _author(self, body: etree._Element) -> Account:
        """Who is named, or who wrote the message before where nobody is ("joined")."""
        shown = find(body, "from_name")
        if shown is None:
            if self.author is None:
                self.author = self._last_author_before() or Account(PLATFORM, "name:")
            return self.author
        name = _VIA.sub("", text_of(shown, skip=_is_detail))
        self.author = self._account(name, body)
        return self.author

    def _account(self, name: str, body: etree._Element) -> Account:
        if name != _DELETED:
            is_bot = _has_buttons(body) and " via @" not in text_of(body)
            return Account(PLATFORM, f"name:{name}", name, is_bot=is_bot)
        # Deleted accounts share a name; the colour of their picture is by their id.
        frame = body.getparent()
        picture = find(frame, "userpic") if frame is not None else None
        colour = "".join(sorted(classes(picture) - {"userpic"})) if picture is not None else ""
        chat = self.chat.id if self.chat else ""
        return Account(PLATFORM, f"deleted:{digest(chat, colour)}")

    def _last_author_before(self) -> Account | None:
        """The last author of the page before this one, or of those before it."""
        page = _PAGE.fullmatch(self.reading.path.name)
        number = int(page[2] or 1) - 1 if page else 0
        while page and number > 0:
            name = f"{page[1]}{number if number > 1 else ''}{page[3]}"
            content = self.reading.beside(name)
            if content is None:
                return None
            before = _Page(replace(self.reading, stream=io.BytesIO(content), name=name), self.chat)
            before.author = Account(PLATFORM, "")
            for element in elements(before.reading.stream, name, _is_wanted):
                before.read(element)
            if before.author.key:
                return before.author
            number -= 1
        return None

    def _origin(self, forwarded: etree._Element | None) -> str | None:
        """Whose words a forward brings; one that follows another may leave the name out."""
        if forwarded is None:
            self.forwarded_from = None
            return None
        name = find(forwarded, "from_name")
        if name is not None:
            self.forwarded_from = _VIA.sub("", text_of(name, skip=_is_detail))
        return self.forwarded_from or "unknown"

    def _reply_to(self, content: etree._Element, chat: Conversation) -> str | None:
        """The message answered; "a message in another chat" has no link."""
        reply = find(content, "reply_to")
        link = reply.find(".//a") if reply is not None else None
        target = _TARGET.search(link.get("href") or "") if link is not None else None
        if target is None or target[1] in self.topics:
            return None
        return f"{chat.id}:{target[1]}"


def _is_date(element: etree._Element, key: str) -> bool:
    """Lines such as "1 January 2020" stand between days under ids of their own below 0."""
    return key.startswith("-") and bool(re.fullmatch(r"\d{1,2} \w+ \d{4}", text_of(element)))


def _is_detail(element: etree._Element) -> bool:
    return "details" in classes(element)


def _has_buttons(body: etree._Element) -> bool:
    return any(_BUTTONS in classes(table) for table in body.iter("table"))


def _sent_at(body: etree._Element, zone: tzinfo) -> datetime | None:
    date = find(body, "date")
    found = _TIME.search(date.get("title") or "") if date is not None else None
    if found is None:
        return None
    day, month, year, hour, minute, second = (int(part) for part in found.groups()[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=_offset(found) or zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _offset(found: re.Match[str]) -> tzinfo | None:
    if found[7] is None:
        return None
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    return timezone(-offset if found[7] == "-" else offset)


def _mentions(text: etree._Element) -> Iterator[Account]:
    """Who is mentioned; people without a username get the ``@`` that their names lack."""
    for link in text.iter("a"):
        shown = text_of(link)
        if "ShowMentionName" in (link.get("onclick") or "") and shown:
            if not shown.startswith("@"):
                link.text = f"@{link.text or ''}"
            yield Account(PLATFORM, f"name:{shown.removeprefix('@')}", shown.removeprefix("@"))
        elif re.fullmatch(r"@\w+", shown) and (link.get("href") or "").endswith(shown[1:]):
            yield Account(PLATFORM, "", shown[1:])


def _reactions(body: etree._Element) -> Iterator[Reaction]:
    """Emoji with their counts, or with the pictures of as many people."""
    for reaction in (span for span in body.iter("span") if "reaction" in classes(span)):
        emoji, count = find(reaction, "emoji"), find(reaction, "count")
        shown = text_of(emoji) if emoji is not None else ""
        told = text_of(count) if count is not None else ""
        people = sum("userpic" in classes(div) for div in reaction.iter("div", "img"))
        paid = "⭐" if "paid" in classes(reaction) else ":custom:"
        yield Reaction(shown or paid, int(told) if told.isdecimal() else max(people, 1))
