"""DiscordChatExporter's HTML, dark or light, of every layout since 2018.

A ``chatlog__message-group`` holds what one author sent in a row: in old files the author above all
messages, since 2022 a ``chatlog__message-container`` each, of which the first has the author.
Messages, authors and quoted messages carry their ids; the channel's id is only in the file's name
(Tyrrrz/DiscordChatExporter, MessageGroupTemplate.cshtml). Times are shown as the exporter's
settings ask for, so they come from the ids; other tools copy the layout and may number otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lxml import etree

from ingest.chat import (
    Account,
    Attachment,
    AttachmentKind,
    Conversation,
    Kind,
    RawMessage,
    Reaction,
)
from ingest.parsers import discord
from ingest.parsers.base import Parser, Reading, Skipped, kind_of
from ingest.parsers.discord_markup import Marked, content_of, marked_in
from ingest.parsers.html_items import classes, elements, text_of
from ingest.parsers.mentions import Nicknames
from ingest.parsers.written_dates import DateOrder

_Element = etree._Element
_GROUP = "chatlog__message-group"
_START = re.compile(rb"<div class=\"?chatlog__message-group[\" >]")
_PREAMBLE = {"preamble", "info"}
_AUTHORS = ("chatlog__author", "chatlog__author-name")
_REFERENCES = ("chatlog__reply-link", "chatlog__reference-link")
_BOT_TAGS = ("chatlog__author-tag", "chatlog__bot-tag", "chatlog__bot-label")
_ATTACHED = {"chatlog__attachment", "chatlog__forwarded-attachment", "chatlog__sticker"}
_QUARTER = timedelta(minutes=15)
_TARGET = re.compile(r"(\d{1,20})['\"]?\)?;?$", re.ASCII)
_TITLE = re.compile(
    r"(?:Image|Video|Audio|Sticker|Attachment): (.*?)(?: \([\d.,]+ \w+\))?", re.DOTALL
)
_TIME = re.compile(rb"timestamp[^>]*>\s*(?:<a[^>]*>)?\s*([^<]{6,60}?)\s*<")
_MEDIA = {
    "img": AttachmentKind.PHOTO,
    "video": AttachmentKind.VIDEO,
    "audio": AttachmentKind.AUDIO,
}


def claims(head: bytes) -> bool:
    """A page with the exporter's class names, which its style sheet also names."""
    return head.lstrip()[:1] in (b"<", b"\xef") and b"chatlog__message" in head


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages, after a first reading for the channel and the order of dates."""
    channel, order = discord.channel_of(reading), _order(reading)
    page = _Page(reading, order, discord.conversation(channel, ""), Nicknames())
    reading.stream.seek(0)
    for element in elements(reading.stream, reading.name, _is_wanted, start=_START):
        if _GROUP in classes(element):
            yield from page.group(element)
        else:
            page = replace(page, chat=_conversation(element, channel, page.chat))


PARSER = Parser(
    "discord_html", "DiscordChatExporter HTML", "DiscordChatExporter HTML", claims, parse
)


def _is_wanted(element: _Element) -> bool:
    found = classes(element)
    return _GROUP in found or bool(found & _PREAMBLE)


def _order(reading: Reading) -> DateOrder:
    order = DateOrder()
    reading.stream.seek(0)
    rest = b""
    while piece := reading.stream.read1(1 << 16):
        text = rest + piece
        end = 0
        for found in _TIME.finditer(text):
            end = found.end()
            order.see(found[1].decode("utf-8", "replace"))
        rest = text[max(end, len(text) - 500) :]
    return order


def _conversation(preamble: _Element, channel: str, chat: Conversation) -> Conversation:
    names = [
        text_of(element)
        for element in preamble.iter("div")
        if classes(element) & {"preamble__entry", "info__guild-name", "info__channel-name"}
    ]
    if len(names) < 2:
        return chat
    guild, place = names[:2]
    category, _, title = place.rpartition(" / ")
    is_private = guild == "Direct Messages" and category != "Group"
    return discord.conversation(channel, title, guild, is_private=is_private)


@dataclass(frozen=True, slots=True)
class _Page:
    """One file while it is read."""

    reading: Reading
    order: DateOrder
    chat: Conversation
    nicknames: Nicknames

    def group(self, group: _Element) -> Iterator[RawMessage | Skipped]:
        """The messages of one author in a row."""
        marked = marked_in(group)
        author, shown = _author(marked), _shown(marked)
        for element in group.iter("div"):
            if element.get("data-message-id"):
                marked = marked_in(element)
                author = _author(marked) or author
                yield self._message(element, marked, author, _shown(marked) or shown)

    def _message(
        self, element: _Element, marked: Marked, author: Account | None, shown_as: str
    ) -> RawMessage | Skipped:
        key = str(element.get("data-message-id")).strip()
        where = f"message {key}"
        if "chatlog__system-notification-content" in marked:
            return Skipped("service notice", where)
        shown = self.order.read(shown_as, self.reading.zone)
        sent_at = discord.sent_about(key, shown)
        if sent_at is None or author is None:
            return Skipped("no date" if author else "no author", where)
        self.nicknames.add(author)
        text, mentions = content_of(element, marked)
        attachments = tuple(_attachments(element, marked))
        if not text and not attachments:
            return Skipped("empty", where)
        if discord.is_notice(text):  # as files before 2022 write system messages
            return Skipped("service notice", where)
        return RawMessage(
            id=f"{self.chat.id}:{key}",
            chat=self.chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=Kind.COMMAND if _is_answer_to_command(marked) else kind_of(text),
            reply_to=_reply_to(marked, self.chat),
            mentions=self._known(mentions),
            attachments=attachments,
            edited_at=self._edited_at(marked, sent_at - shown if shown else timedelta()),
            forwarded_from="unknown" if "chatlog__forwarded" in marked else None,
            reactions=tuple(_reactions(element, marked)),
        )

    def _edited_at(self, marked: Marked, ahead: timedelta) -> datetime | None:
        """When the message was edited; ``ahead`` is how far its true time is from the shown one.

        The exporter's zone differs from the setting's by quarters of an hour.
        """
        found = marked.get("chatlog__edited-timestamp")
        title = (found.get("title") or "") if found is not None else ""
        shown = self.order.read(title, self.reading.zone)
        return shown + round(ahead / _QUARTER) * _QUARTER if shown else None

    def _known(self, names: tuple[str, ...]) -> tuple[Account, ...]:
        """Mentioned people: those who wrote before by id, the others by name."""
        known = (self.nicknames.mentioned(f"@{name}") for name in names)
        return tuple(
            next((account for account in found if account.name == name), None)
            or Account(discord.PLATFORM, "", name)
            for name, found in zip(names, known, strict=True)
        )


def _author(marked: Marked) -> Account | None:
    found = _first_of(marked, *_AUTHORS)
    if found is None:
        return None
    key, shown = found.get("data-user-id"), text_of(found)
    full = shown if key else found.get("title") or shown
    return discord.account(key, full, is_bot=_first_of(marked, *_BOT_TAGS) is not None)


def _shown(marked: Marked) -> str:
    """The time as it is shown, with the date."""
    found = _first_of(marked, "chatlog__timestamp", "chatlog__short-timestamp")
    return "" if found is None else found.get("title") or text_of(found)


def _reply_to(marked: Marked, chat: Conversation) -> str | None:
    link = _first_of(marked, *_REFERENCES)
    if link is None:
        return None
    found = _TARGET.search((link.get("onclick") or link.get("href") or "").strip())
    return f"{chat.id}:{found[1]}" if found else None


def _is_answer_to_command(marked: Marked) -> bool:
    reply = marked.get("chatlog__reply-content")
    is_link = _first_of(marked, *_REFERENCES) is not None
    return reply is not None and not is_link and text_of(reply).startswith("used /")


def _attachments(element: _Element, marked: Marked) -> Iterator[Attachment]:
    if not _ATTACHED & marked.keys():
        return
    for box in element.iter("div"):
        found = classes(box) & _ATTACHED
        if found:
            yield _sticker(box) if "chatlog__sticker" in found else _attachment(box)


def _attachment(box: _Element) -> Attachment:
    media = next((child for child in box.iter("img", "video", "audio")), None)
    shown = next(box.iter("source", "img"), None)
    link = next(box.iter("a"), None)
    url = (link.get("href") if link is not None else None) or (
        shown.get("src") if shown is not None else None
    )
    title = _TITLE.fullmatch((shown.get("title") or "").strip()) if shown is not None else None
    label = title[1] if title else ""
    if media is None:
        name = marked_in(box).get("chatlog__attachment-generic-name")
        label = text_of(name) if name is not None else ""
    made = discord.attachment(url or "", label)
    is_untold = media is not None and made.kind is AttachmentKind.FILE
    return Attachment(_MEDIA[str(media.tag)], "", made.file) if is_untold else made  # type: ignore[union-attr]


def _sticker(box: _Element) -> Attachment:
    media = marked_in(box).get("chatlog__sticker--media")
    url = "" if media is None else media.get("src") or media.get("data-source") or ""
    return Attachment(
        AttachmentKind.STICKER, (box.get("title") or "").removeprefix("Sticker: "), url
    )


def _reactions(element: _Element, marked: Marked) -> Iterator[Reaction]:
    for box in element.iter("div") if "chatlog__reaction" in marked else ():
        image = next(box.iter("img"), None) if "chatlog__reaction" in classes(box) else None
        if image is not None and (name := image.get("alt")):
            count = marked_in(box).get("chatlog__reaction-count")
            yield discord.reaction(name, text_of(count) if count is not None else 1)


def _first_of(marked: Marked, *names: str) -> _Element | None:
    """The first element of any of these classes, by the order of the names."""
    return next((marked[name] for name in names if name in marked), None)
