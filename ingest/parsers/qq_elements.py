"""What QQ messages are made of, in the words of its exports: ``[图片]``, ``[表情]``, ``[红包]``."""

from __future__ import annotations

import re

from ingest.chat import Attachment, AttachmentKind

PLATFORM = "qq"
_KINDS = {
    "图片": AttachmentKind.PHOTO,
    "闪照": AttachmentKind.PHOTO,
    "表情": AttachmentKind.STICKER,
    "动画表情": AttachmentKind.STICKER,
    "商城表情": AttachmentKind.STICKER,
    "语音": AttachmentKind.VOICE,
    "视频": AttachmentKind.VIDEO,
    "短视频": AttachmentKind.VIDEO,
    "文件": AttachmentKind.FILE,
    "位置": AttachmentKind.LOCATION,
    "地理位置": AttachmentKind.LOCATION,
    "位置消息": AttachmentKind.LOCATION,
    "名片": AttachmentKind.CONTACT,
    "推荐名片": AttachmentKind.CONTACT,
    "投票": AttachmentKind.POLL,
    "音乐": AttachmentKind.AUDIO,
    "红包": AttachmentKind.OTHER,
    "QQ红包": AttachmentKind.OTHER,
    "转账": AttachmentKind.OTHER,
    "链接": AttachmentKind.OTHER,
    "分享": AttachmentKind.OTHER,
    "小程序": AttachmentKind.OTHER,
    "卡片消息": AttachmentKind.OTHER,
    "JSON消息": AttachmentKind.OTHER,
    "聊天记录": AttachmentKind.OTHER,
    "转发消息": AttachmentKind.OTHER,
    "合并转发": AttachmentKind.OTHER,
}
_BRACKETED = re.compile(
    r"\[(?P<kind>"
    + "|".join(sorted(_KINDS, key=len, reverse=True))
    + r")(?:[:：](?P<label>[^\[\]\n]*))?\]"
)
_HIDDEN = re.compile(r"\[回复消息\]|请使用(?:新版)?手机QQ(?:查收红包|查看)[。.]?")


def taken_apart(text: str) -> tuple[str, tuple[Attachment, ...]]:
    """A message's words, and the media that stood in brackets between them."""
    found = tuple(_attachment(match) for match in _BRACKETED.finditer(text))
    words = _HIDDEN.sub("", _BRACKETED.sub("", text)) if found or "[回复" in text else text
    return words.strip(), found


def _attachment(match: re.Match[str]) -> Attachment:
    kind, label = _KINDS[match["kind"]], (match["label"] or "").strip()
    if kind is AttachmentKind.OTHER:
        return Attachment(kind, label or match["kind"])
    is_name = kind in (AttachmentKind.FILE, AttachmentKind.LOCATION, AttachmentKind.CONTACT)
    is_path = kind is not AttachmentKind.STICKER and "." in label
    return Attachment(kind, label if is_name else "", label if is_path else "")
