"""What stands behind the sender of a WhatsApp line: words, media, mentions, or nothing to keep."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath

from ingest.chat import Account, Attachment, AttachmentKind
from ingest.parsers import whatsapp_words as words

PLATFORM = "whatsapp"
_LONGEST = 90
"""Characters of the longest notice that the app writes in place of a message."""
_NAMED = re.compile(r"@\u2068([^\u2068\u2069\n]{1,100})\u2069")
_NUMBERED = re.compile(r"(?<![\w@])@(\d{7,15})\b")
_STRIPPED = " \t\n\r\u00a0\u202f\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"
_PHONE = re.compile(r"\+?[\d][\d\s().\-\u00a0\u2010\u2011\u202f]{5,24}\d")
_BY_NAME = {
    "PHOTO": AttachmentKind.PHOTO,
    "IMG": AttachmentKind.PHOTO,
    "VIDEO": AttachmentKind.VIDEO,
    "VID": AttachmentKind.VIDEO,
    "PTV": AttachmentKind.VIDEO,
    "GIF": AttachmentKind.GIF,
    "STICKER": AttachmentKind.STICKER,
    "STK": AttachmentKind.STICKER,
    "PTT": AttachmentKind.VOICE,
    "AUDIO": AttachmentKind.AUDIO,
    "AUD": AttachmentKind.AUDIO,
    "DOC": AttachmentKind.FILE,
}
_BY_SUFFIX = {
    AttachmentKind.VOICE: ("opus",),  # only voice notes are kept in it
    AttachmentKind.PHOTO: ("jpg", "jpeg", "png", "heic"),
    AttachmentKind.VIDEO: ("mp4", "mov", "3gp", "mkv"),
    AttachmentKind.AUDIO: ("m4a", "mp3", "aac", "ogg", "wav", "amr"),
    AttachmentKind.STICKER: ("webp",),
    AttachmentKind.CONTACT: ("vcf",),
    AttachmentKind.GIF: ("gif",),
}
_OWN_NAME = re.compile(r"(?:\d{8}-|^)([A-Z]+)-\d{4}|-([A-Z]+)-\d{4}-|-(PHOTO|VIDEO|AUDIO|GIF)-\d+")


@dataclass(frozen=True, slots=True)
class Body:
    """A message's content; ``skipped`` says why there is none."""

    text: str
    attachments: tuple[Attachment, ...] = ()
    mentions: tuple[Account, ...] = ()
    is_edited: bool = False
    skipped: str = ""


@lru_cache(maxsize=4096)
def account_of(name: str, *, is_self: bool = False) -> Account:
    """The account behind a displayed name; a phone number is itself the key."""
    if _PHONE.fullmatch(name):
        digits = "".join(str(int(char)) for char in name if char.isdecimal())
        return Account(PLATFORM, f"+{digits}", name, is_self=is_self)
    return Account(PLATFORM, f"name:{name}", name, is_self=is_self)


def body_of(text: str) -> Body:
    """Read all that one message says; its first line may stand for media and the rest be words."""
    without, is_edited = _unedited(text)
    first, _, more = without.partition("\n")
    is_short = len(first) < _LONGEST and not more.strip()
    if is_short and words.DELETED.fullmatch(_trimmed(first)):
        return Body("", skipped="deleted message")
    found = _attached(without, first, more) or _special(without, first) or _omitted(first, more)
    if found is None:
        # The app marks what it wrote itself; people's words carry no such mark.
        is_notice = first.startswith("\u200e")
        return Body("", skipped="service notice") if is_notice else _worded(without, is_edited)
    attachment, caption = found
    return replace(_worded(caption, is_edited), attachments=(attachment,))


def _unedited(text: str) -> tuple[str, bool]:
    """The text without the mark of an edit at its end, and whether there was one."""
    bare = text.rstrip()
    start = bare.rfind("<")
    if start < 0 or len(bare) - start > _LONGEST or not words.EDITED.fullmatch(bare[start:]):
        return text, False
    return bare[:start].rstrip(_STRIPPED), True


def _worded(text: str, is_edited: bool) -> Body:
    if "@" not in text:
        return Body(_trimmed(text), is_edited=is_edited)
    names = [re.sub(r"^~\s*", "", name) for name in _NAMED.findall(text)]
    told = _NAMED.sub(lambda found: "@" + re.sub(r"^~\s*", "", found[1]), text)
    numbers = [Account(PLATFORM, f"+{number}", number) for number in _NUMBERED.findall(told)]
    mentions = (*map(account_of, names), *numbers)
    return Body(_trimmed(told), mentions=mentions, is_edited=is_edited)


def _trimmed(text: str) -> str:
    return text.strip(_STRIPPED)


def _attached(text: str, first: str, more: str) -> tuple[Attachment, str] | None:
    """A file that was exported, and its caption."""
    if "<" in text and (found := words.IOS_FILE.search(text)):
        caption = text[: found.start()] + text[found.end() :]
        # Documents show their name and the number of pages in front of themselves.
        return _of_file(found["file"]), re.sub(r"\A[^\n]{1,200} • [^\n]*\Z", "", caption.strip())
    if "<" in first and (found := words.OLD_IOS_FILE.fullmatch(first)):
        return _of_file(found["file"]), more
    found = words.ANDROID_FILE.fullmatch(first.rstrip()) if ")" in first[-2:] else None
    if found and (found["mark"] or "-WA" in found["file"] or words.ATTACHED.search(found["word"])):
        # A document's name, or its name without what the app made of it, may follow as its title.
        title, _, rest = more.partition("\n")
        stem = PurePosixPath(found["file"]).stem
        return _of_file(found["file"]), rest if title.strip() in (found["file"], stem) else more
    return None


def _of_file(path: str) -> Attachment:
    suffix = PurePosixPath(path).suffix.lower().removeprefix(".")
    name = _OWN_NAME.search(path)
    given = _BY_NAME.get(next((part for part in name.groups() if part), "")) if name else None
    by_suffix = next((kind for kind, known in _BY_SUFFIX.items() if suffix in known), None)
    if given is AttachmentKind.AUDIO and by_suffix is AttachmentKind.VOICE:
        given = by_suffix
    kind = given or by_suffix or AttachmentKind.FILE
    label = re.sub(r"^\d{8}-", "", path) if kind is AttachmentKind.FILE else ""
    return Attachment(kind, label, path)


def _special(text: str, first: str) -> tuple[Attachment, str] | None:
    """Polls, which fill the whole message, and places."""
    if found := words.POLL.match(text):
        question = found["question"] or text[found.end() :].strip().partition("\n")[0]
        is_poll = "\n" in text.strip()  # a poll has options, one a line
        label = _trimmed(question)
        return (Attachment(AttachmentKind.POLL, label), "") if is_poll else None
    is_place = "http" in first and words.LOCATION.fullmatch(_trimmed(text))
    if is_place or words.LIVE_LOCATION.fullmatch(first):
        return Attachment(AttachmentKind.LOCATION), ""
    return None


def _omitted(first: str, more: str) -> tuple[Attachment, str] | None:
    """Media that was left out of the export, and its caption."""
    name, mark, said = first.rstrip().rpartition("\u200e")
    found = words.IOS_OMITTED.fullmatch(said) if len(said) < _LONGEST else None
    if found:
        kind = next(
            AttachmentKind(key.lstrip("_")) for key, value in found.groupdict().items() if value
        )
        is_file = kind is AttachmentKind.FILE
        name = _trimmed(name) if mark else ""
        label = name.partition(" • ")[0] if is_file else ""
        return Attachment(kind, label), more if is_file or not name else f"{name}\n{more}"
    if first.startswith(("<", "\u200e<", "null")) and words.ANDROID_OMITTED.fullmatch(
        first.rstrip()
    ):
        return Attachment(AttachmentKind.OTHER), more
    return None
