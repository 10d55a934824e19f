"""What a Matrix message says: its text, its media and whom it mentions.

Format: https://spec.matrix.org/latest/client-server-api/#instant-messaging.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ingest.chat import Account, Attachment, AttachmentKind
from ingest.parsers.fields import mapping, string, strings

PLATFORM = "matrix"
_MEDIA = {
    "m.image": AttachmentKind.PHOTO,
    "m.audio": AttachmentKind.AUDIO,
    "m.video": AttachmentKind.VIDEO,
    "m.file": AttachmentKind.FILE,
    "m.location": AttachmentKind.LOCATION,
}
_FALLBACK = re.compile(r"> (?:\* )?<@[^>\n]{1,255}>[^\n]*\n(?:>[^\n]*\n)*\n?")
_PILL = re.compile(r'href="https://matrix\.to/#/(@[^"?/]{1,255})')
_UNREADABLE = re.compile(r"\*\* Unable to decrypt: .* ?\*\*", re.DOTALL)


def why_unreadable(content: dict[str, Any]) -> str:
    """The reason to leave a message out for what it holds; empty where there is none."""
    msgtype = string(content, "msgtype")
    if msgtype == "m.bad.encrypted" or _UNREADABLE.fullmatch(string(content, "body")):
        return "could not be decrypted"
    return "service notice" if msgtype.startswith("m.key.verification.") else ""


def text_of(kind: str, content: dict[str, Any]) -> str:
    """The words, without the quote that older clients put before a reply's own text."""
    msgtype, body = string(content, "msgtype"), string(content, "body")
    if msgtype in _MEDIA:
        return _caption(content, body, msgtype)
    if kind != "m.room.message":  # a sticker's body says what is on it
        return ""
    return without_quote(body).strip()


def without_quote(body: str) -> str:
    """``body`` without ``> <@maya:example.org> …`` and the empty line below."""
    found = _FALLBACK.match(body)
    return body[found.end() :] if found else body


def _caption(content: dict[str, Any], body: str, msgtype: str) -> str:
    """The body of a file where it is not only the file's name."""
    file = string(content, "filename")
    if msgtype == "m.location" or not file or file == body:
        return ""
    return without_quote(body).strip()


def attachments_of(kind: str, content: dict[str, Any]) -> Iterator[Attachment]:
    """The sticker, poll, picture, file… of a message; ``kind`` is the type of its event."""
    body, msgtype = string(content, "body"), string(content, "msgtype")
    if kind == "m.sticker":
        yield Attachment(AttachmentKind.STICKER, body)
    elif "poll.start" in kind:
        yield Attachment(AttachmentKind.POLL, _question(content))
    elif msgtype in _MEDIA:
        found = _media(msgtype, content)
        is_file = found is AttachmentKind.FILE
        yield Attachment(found, (string(content, "filename") or body) if is_file else "")


def _media(msgtype: str, content: dict[str, Any]) -> AttachmentKind:
    if "org.matrix.msc3245.voice" in content or "m.voice" in content:
        return AttachmentKind.VOICE
    if string(mapping(content, "info"), "mimetype") == "image/gif":
        return AttachmentKind.GIF
    return _MEDIA[msgtype]


def _question(content: dict[str, Any]) -> str:
    for key in ("m.poll", "m.poll.start", "org.matrix.msc3381.poll.start"):
        question = mapping(mapping(content, key), "question")
        keys = ("body", "org.matrix.msc1767.text", "m.text")
        if text := next((string(question, key) for key in keys if string(question, key)), ""):
            return text
    return ""


def mentions_of(content: dict[str, Any], name: Callable[[str], str]) -> Iterator[Account]:
    """Who is mentioned: by ``m.mentions``, by links in the HTML, or by id in the text."""
    body = string(content, "body")
    users = strings(mapping(content, "m.mentions"), "user_ids")
    html = string(content, "formatted_body").partition("</mx-reply>")
    pills = _PILL.findall((html[2] or html[0]).replace("%40", "@").replace("%3A", ":"))
    for user in dict.fromkeys((*users, *pills)):
        # The name is what follows the @ in the text, and an id brings its own.
        shown = user.removeprefix("@") if user in body else name(user)
        yield Account(PLATFORM, user, shown)
