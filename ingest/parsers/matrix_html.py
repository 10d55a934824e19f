"""Element's HTML export: ``messages.html``, ``messages2.html``…, one tile an event.

Format: Element's exporter (``src/utils/exportUtils/HtmlExport.tsx``) and the components it renders.
A tile has only a time of day, its date stands in the separator above; older versions also have the
whole date in the time's title. Senders are shown once for several messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from urllib.parse import unquote

from lxml import etree

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage
from ingest.parsers.base import DailyRepeats, Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.html_items import classes, elements, text_of
from ingest.parsers.local_dates import clock_in, day_in, utc
from ingest.parsers.matrix_content import PLATFORM, without_quote

_WANTED = {
    "mx_Export_EventWrapper",
    "mx_DateSeparator",
    "mx_NewRoomIntro",
    "mx_RoomHeader_info",
    "mx_RoomHeader_nametext",
    "mx_TimelineSeparator",
}
_LINK = "https://matrix.to/#/"
_OMITTED = (
    "Media omitted",
    "Media omitted - file size limit exceeded",
    "Error fetching file",
)
_MEDIA = {
    "mx_MImageBody": AttachmentKind.PHOTO,
    "mx_MVideoBody": AttachmentKind.VIDEO,
    "mx_MVoiceMessageBody": AttachmentKind.VOICE,
    "mx_MAudioBody": AttachmentKind.AUDIO,
    "mx_MFileBody": AttachmentKind.FILE,
    "mx_MStickerBody": AttachmentKind.STICKER,
    "mx_MStickerBody_wrapper": AttachmentKind.STICKER,
    "mx_MLocationBody": AttachmentKind.LOCATION,
    "mx_MPollBody": AttachmentKind.POLL,
}
_REASONS = {
    "mx_RedactedBody": "deleted",
    "mx_DecryptionFailureBody": "could not be decrypted",
    "mx_TextualEvent": "service notice",
    "mx_EventTileBubble": "service notice",
}
_NO_WORDS = {
    "mx_BaseAvatar",
    "mx_EventTile_edited",
    "mx_MEmoteBody_sender",
    "mx_ReplyChain",
    "mx_ReplyChain_Export",
    "mx_ReplyChain_wrapper",
    "mx_ReplyThread_Export",
}


def claims(head: bytes) -> bool:
    """A page of Element's message tiles."""
    return b"mx_Export_EventWrapper" in head or (
        b"mx_RoomView_MessageList" in head and b"<title>Exported Data</title>" in head
    )


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of one page."""
    page = _Page(reading)
    reading.stream.seek(0)
    for element in elements(reading.stream, reading.name, _is_wanted, tag=("div", "h2")):
        if "mx_Export_EventWrapper" in classes(element):
            yield page.message(element)
        else:
            page.learn(element)


PARSER = Parser("matrix_html", "Element HTML", "an HTML export of Element", claims, parse)


def _is_wanted(element: etree._Element) -> bool:
    return bool(classes(element) & _WANTED)


class _Page:
    """One file, and what stood above the next message."""

    def __init__(self, reading: Reading) -> None:
        self._zone = reading.zone
        self._title = ""
        self._name = reading.path.stem
        self._owner = ""
        self._day: date | None = None
        self._sender = Account(PLATFORM, "name:")
        self._chat: Conversation | None = None
        self._repeats = DailyRepeats()

    def learn(self, element: etree._Element) -> None:
        """Take in a header or the date of the messages below it."""
        kinds = classes(element)
        if kinds & {"mx_DateSeparator", "mx_TimelineSeparator"}:
            self._day = day_in((element.get("aria-label") or text_of(element))[:100])
        elif "mx_NewRoomIntro" in kinds:
            links = (link.get("href") or "" for link in element.iter("a"))
            users = (unquote(link.removeprefix(_LINK)) for link in links if link.startswith(_LINK))
            self._owner = next((user for user in users if user.startswith("@")), "")
        else:
            self._title = (element.get("title") or text_of(element)).strip() or self._title

    def message(self, wrapper: etree._Element) -> RawMessage | Skipped:
        """One tile."""
        kinds = frozenset().union(*map(classes, wrapper.iter("li", "div", "span")))
        self._remember_sender(wrapper)
        if reason := next((_REASONS[kind] for kind in _REASONS if kind in kinds), ""):
            return Skipped(reason)
        if "mx_EventTile_info" in kinds:
            return Skipped("service notice")
        sent_at = self._sent_at(wrapper)
        if sent_at is None:
            return Skipped("no date")
        chat = self._conversation(wrapper)
        text, attachments = _content(wrapper, kinds)
        if not text and not attachments:
            return Skipped("empty")
        author = self._author(wrapper, is_bot="mx_MNoticeBody" in kinds)
        key = wrapper.get("id") or self._repeats.id(sent_at.date(), sent_at, author.key, text)
        return RawMessage(
            id=f"{chat.id}:{key}",
            chat=chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            reply_to=_reply_to(wrapper, chat),
            mentions=tuple(_mentions(wrapper)),
            attachments=attachments,
        )

    def _remember_sender(self, wrapper: etree._Element) -> None:
        shown = _first(wrapper, "mx_DisambiguatedProfile_displayName")
        if shown is None:
            return
        name = text_of(shown)
        id = _first(wrapper, "mx_DisambiguatedProfile_mxid")
        key = text_of(id) if id is not None else _id_by_avatar(wrapper, name)
        self._sender = Account(PLATFORM, key or f"name:{name}", name)

    def _author(self, wrapper: etree._Element, *, is_bot: bool) -> Account:
        account = self._sender
        is_self = any(tile.get("data-self") == "true" for tile in wrapper.iter("li"))
        # The export's owner is named by id; those of the tiles often are not.
        key = self._owner if is_self and self._owner else account.key
        return Account(PLATFORM, key, account.name, is_bot, is_self)

    def _sent_at(self, wrapper: etree._Element) -> datetime | None:
        stamp = _first(wrapper, "mx_MessageTimestamp")
        if stamp is None:
            return None
        link = stamp.getparent()
        labels = [stamp.get("title"), link.get("aria-label") if link is not None else None]
        told = [label[:100] for label in (*labels, text_of(stamp)) if label]
        days = [day_in(_without_clock(label)) for label in told]
        day = next(filter(None, days), self._day)
        clock = next((clock for clock in map(clock_in, told) if clock is not None), None)
        return utc(day, clock, self._zone) if day and clock is not None else None

    def _conversation(self, wrapper: etree._Element) -> Conversation:
        if self._chat is None:
            links = (link.get("href") or "" for link in wrapper.iter("a"))
            rooms = (unquote(link.removeprefix(_LINK)).partition("/")[0] for link in links)
            room = next((room for room in rooms if room.startswith(("!", "#"))), "")
            title = self._title or self._name
            self._chat = Conversation(f"{PLATFORM}:{room or digest(title)}", title, PLATFORM)
        return self._chat


def _without_clock(label: str) -> str:
    return re.sub(r"\d{1,2}[:.]\d{2}([:.]\d{2})?(?!\d|\.\s?\d{4})", " ", label)


def _first(element: etree._Element, kind: str) -> etree._Element | None:
    """The first element of a class that is not in a quoted message."""
    found = (item for item in element.iter("div", "span") if kind in classes(item))
    return next((item for item in found if not _is_quoted(item)), None)


def _is_quoted(element: etree._Element) -> bool:
    return any(classes(outer) & _NO_WORDS for outer in element.iterancestors())


def _id_by_avatar(wrapper: etree._Element, name: str) -> str:
    """``@maya:example.org`` by her picture ``users/@maya-example.org.png``, or by her name.

    Every colon in an id becomes a hyphen, so that only an id with one hyphen can be told.
    """
    if re.fullmatch(r"@[^:\s]+:\S+", name):
        return name
    for image in wrapper.iter("img"):
        found = re.fullmatch(r"users/(@[^-/]+)-([^-/]+)\.png", unquote(image.get("src") or ""))
        if found:
            return f"{found[1]}:{found[2]}"
    return ""


def _content(wrapper: etree._Element, kinds: frozenset[str]) -> tuple[str, tuple[Attachment, ...]]:
    media = next((kind for kind in _MEDIA if kind in kinds), "")
    body = _first(wrapper, "mx_EventTile_caption" if media else "mx_EventTile_body")
    text = without_quote(_words(body)).strip()
    if media:
        return text, (_attachment(wrapper, _MEDIA[media]),)
    if "mx_MEmoteBody" in kinds:
        text = text.removeprefix("*").strip()
    if text in _OMITTED and body is not None and body.find(".//em") is not None:
        return "", (Attachment(AttachmentKind.OTHER),)
    return text, ()


def _words(body: etree._Element | None) -> str:
    if body is None:
        return ""
    return text_of(body, skip=lambda element: bool(classes(element) & _NO_WORDS))


def _attachment(wrapper: etree._Element, kind: AttachmentKind) -> Attachment:
    body = next(item for item in wrapper.iter("div", "span") if classes(item) & _MEDIA.keys())
    paths = (
        item.get("src") or item.get("href") or ""
        for item in body.iter("img", "video", "audio", "a")
    )
    path = unquote(next((path for path in paths if path and "://" not in path), ""))
    name = _first(body, "mx_MFileBody_info_filename")
    if kind is AttachmentKind.PHOTO and path.lower().endswith(".gif"):
        kind = AttachmentKind.GIF
    is_named = kind is AttachmentKind.FILE and name is not None
    return Attachment(kind, text_of(name) if is_named and name is not None else "", path)


def _reply_to(wrapper: etree._Element, chat: Conversation) -> str | None:
    for link in wrapper.iter("a"):
        if "mx_reply_anchor" in classes(link):
            target = link.get("data-scroll-to") or (link.get("href") or "").removeprefix("#")
            return f"{chat.id}:{target}" if target else None
    return None


def _mentions(wrapper: etree._Element) -> Iterator[Account]:
    for link in wrapper.iter("a"):
        user = unquote((link.get("href") or "").removeprefix(_LINK)).partition("?")[0]
        if user.startswith("@") and "mx_Pill" in classes(link):
            yield Account(PLATFORM, user, _words(link).removeprefix("@"))
