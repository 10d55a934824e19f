"""What WeChat's messages are called in its exports, and which message a quote repeats."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass

from ingest.chat import Account, Attachment, AttachmentKind

PLATFORM = "wechat"
_REMEMBERED = 5_000
_SERVICE = re.compile(r"系统|拍一拍|撤回|通话|voip|群公告|system|revoke", re.IGNORECASE)
_KINDS = (
    ("图片", AttachmentKind.PHOTO),
    ("语音", AttachmentKind.VOICE),
    ("视频号", AttachmentKind.OTHER),
    ("视频", AttachmentKind.VIDEO),
    ("表情", AttachmentKind.STICKER),
    ("文件", AttachmentKind.FILE),
    ("位置", AttachmentKind.LOCATION),
    ("名片", AttachmentKind.CONTACT),
    ("红包", AttachmentKind.OTHER),
    ("转账", AttachmentKind.OTHER),
    ("小程序", AttachmentKind.OTHER),
    ("链接", AttachmentKind.OTHER),
    ("图文", AttachmentKind.OTHER),
    ("公众号", AttachmentKind.OTHER),
    ("音乐", AttachmentKind.AUDIO),
    ("卡券", AttachmentKind.OTHER),
    ("接龙", AttachmentKind.OTHER),
)
NUMBERED = {
    (1, 0): "文本",
    (3, 0): "图片",
    (34, 0): "语音",
    (42, 0): "名片",
    (43, 0): "视频",
    (47, 0): "动画表情",
    (48, 0): "位置",
    (49, 3): "音乐",
    (49, 4): "链接",
    (49, 5): "链接",
    (49, 6): "文件",
    (49, 8): "动画表情",
    (49, 19): "合并转发的聊天记录",
    (49, 33): "小程序",
    (49, 36): "小程序",
    (49, 51): "视频号",
    (49, 57): "引用",
    (49, 87): "群公告",
    (49, 2000): "转账",
    (49, 2001): "红包",
    (50, 0): "语音通话",
    (10000, 0): "系统通知",
    (10002, 0): "系统通知",
}
"""Type and subtype in WeChat's database, as PyWxDump names them (pywxdump/db/utils)."""
_QUOTE = re.compile(
    r"\[引用\]\s*(?:\([^()\n]*\))?\s*(?P<who>[^:：\n]{0,64})[:：](?P<what>.*)", re.DOTALL
)
_TRANSCRIPT = re.compile(
    r"语音时长[：:]\s*(?P<seconds>[\d.]+)\s*秒(?:\s*翻译结果[：:](?P<words>.*))?", re.DOTALL
)
_AT = re.compile("@([^@\u2005\n]{1,64})\u2005")
_MARKUP = re.compile(r"\s*(?:<\?xml|<msg|<sysmsg|<img|<[a-z]+>)", re.IGNORECASE)
_HELD = re.compile(r"\[(?:[^\[\]\n]{1,16})\]|表情|图片|语音|视频|文件")


@dataclass(frozen=True, slots=True)
class Content:
    """A message's words and media, taken apart; ``quoted`` is the text it answers."""

    text: str
    attachments: tuple[Attachment, ...] = ()
    quoted: str = ""
    is_forward: bool = False


def is_service(kind: str) -> bool:
    """Whether a message of this kind is WeChat's own and not a person's."""
    return bool(_SERVICE.search(kind))


def content_of(kind: str, text: str, file: str = "") -> Content:
    """The words and media of a message of ``kind`` (``图片``, ``引用``…) that holds ``text``."""
    text, file = text.strip(), "" if "://" in file else file
    if "合并转发" in kind or "聊天记录" in kind:
        return Content(
            "", (Attachment(AttachmentKind.OTHER, _label(text) or "聊天记录"),), "", True
        )
    media = next((found for name, found in _KINDS if name in kind), None)
    if media is None or "引用" in kind:
        return _quoting(text)
    if media is AttachmentKind.VOICE:
        return _voice(text, file)
    if media is AttachmentKind.OTHER:
        return Content("", (Attachment(media, _label(text) or kind, file),))
    label = "" if media in (AttachmentKind.PHOTO, AttachmentKind.VIDEO) else _label(text)
    return Content("", (Attachment(media, label, file),))


def _quoting(text: str) -> Content:
    if match := _QUOTE.search(text):
        return Content(text[: match.start()].strip(), quoted=match["what"].strip())
    return Content("" if _MARKUP.match(text) else text)


def _voice(text: str, file: str) -> Content:
    match = _TRANSCRIPT.match(text)
    if match is None:
        words = (
            "" if _MARKUP.match(text) or text.startswith("[语音") or not _is_words(text) else text
        )
        return Content(words, (Attachment(AttachmentKind.VOICE, "", file),))
    seconds = int(float(match["seconds"])) if match["seconds"].count(".") < 2 else 0
    length = f"{seconds // 60}:{seconds % 60:02d}"
    words = (match["words"] or "").strip()
    return Content(words, (Attachment(AttachmentKind.VOICE, length, file),))


def _is_words(text: str) -> bool:
    return not re.search(r"[/\\][^/\\]+\.\w{2,5}$", text) and _HELD.fullmatch(text) is None


def _label(text: str) -> str:
    """One short line that says what is attached; a path, markup or the kind itself says nothing."""
    first = text.split("\n", 1)[0].strip()
    if not first or _MARKUP.match(first) or _HELD.fullmatch(first) or "://" in first:
        return ""
    name = re.split(r"[/\\]", first)[-1]
    return re.sub(r"^\[[^\]]*\]\s*", "", name)[:80]


def mentioned(text: str) -> tuple[Account, ...]:
    """Who is addressed: WeChat closes ``@name`` with a four-per-em space."""
    return tuple(Account(PLATFORM, "", name) for name in dict.fromkeys(_AT.findall(text)))


class Quotes:
    """The ids of the latest messages by their text, for formats that quote without an id."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, str] = OrderedDict()

    def remember(self, text: str, id: str) -> None:
        """``text`` was said in the message ``id``."""
        if text:
            self._ids[text] = id
            self._ids.move_to_end(text)
            if len(self._ids) > _REMEMBERED:
                self._ids.popitem(last=False)

    def find(self, text: str) -> str | None:
        """The latest message that said ``text``."""
        return self._ids.get(text.strip())
