"""What KakaoTalk's exports write for media, titles and system messages, by language."""

from __future__ import annotations

import re
from pathlib import PurePath

from ingest.chat import Attachment, AttachmentKind

_ALONE = {
    AttachmentKind.PHOTO: r"사진|<?사진 읽지 않음>?|Photos?|写真",
    AttachmentKind.VIDEO: r"동영상|<?동영상 읽지 않음>?|Videos?|動画",
    AttachmentKind.STICKER: r"\(?(?:이모티콘|Emoticons?|스티커|Stickers?|絵文字|スタンプ)\)?",
    AttachmentKind.VOICE: r"음성 ?메시지|Voice (?:Message|Note)s?|ボイスメッセージ",
    AttachmentKind.CONTACT: r"연락처|Contact(?: Info)?|連絡先",
}
_LABELLED = {
    AttachmentKind.FILE: r"(?:파일|File|ファイル)\s?: (?P<label>.+)",
    AttachmentKind.LOCATION: r"(?:지도|Map|Location|地図)\s?: (?P<label>.+)",
    AttachmentKind.CONTACT: r"(?:연락처|Contact(?: Info)?|連絡先)\s?: (?P<label>.+)",
    AttachmentKind.POLL: r"(?:투표|Poll)\s?: (?P<label>.+)",
}
_MEDIA = [
    *(
        (kind, re.compile(f"(?:{words})(?P<label>)", re.IGNORECASE))
        for kind, words in _ALONE.items()
    ),
    *((kind, re.compile(words, re.IGNORECASE)) for kind, words in _LABELLED.items()),
]
_NUMBERED = re.compile(r"(?:사진 (\d{1,2})장?|Photos? (\d{1,2})|(\d{1,2}) photos)", re.IGNORECASE)
_STORED = re.compile(r"[0-9a-f]{32,128}\.(?P<suffix>\w{2,4})", re.IGNORECASE)
_STORED_KINDS = {
    "gif": AttachmentKind.GIF,
    "mp4": AttachmentKind.VIDEO,
    "mov": AttachmentKind.VIDEO,
    "m4a": AttachmentKind.VOICE,
    "aac": AttachmentKind.VOICE,
}
_TITLES = (
    re.compile(r"(.+?)\s*님과(?:의)?\s*카카오톡 ?대화(?:방)?"),
    re.compile(r"(.+?)\s*카카오톡 ?대화(?:방)?"),
    re.compile(r"KakaoTalk Chats? with (.+)", re.IGNORECASE),
    re.compile(r"(.+?) with KakaoTalk Chats?", re.IGNORECASE),
    re.compile(r"(.+?)\s*Kakao ?Talk Chats?", re.IGNORECASE),
    re.compile(r"(.+?) chat"),
    re.compile(r"(.+?)さんとのカカオトークトーク履歴|(.+?)\s*カカオトーク.*"),
)
_MEMBERS = re.compile(r"\s+(?:\d{1,4}|\(\d{1,4}명\))$")
_NOTICE = re.compile(
    r".{1,80}님이 (?:나갔습니다|들어왔습니다)\.(?: .{0,60})?"
    r"|.{1,80}님(?:이|을|과|께서) .{1,200}"
    r"(?:초대했습니다|내보냈습니다|가렸습니다|되었습니다|변경했습니다)\."
    r"|채팅방 관리자가 메시지를 가렸습니다\.?|운영정책을 위반한 메시지로 .{0,200}|운영정책 보기"
    r"|.{1,80} (?:joined|left|has left|has joined) this (?:chat ?room|Open ?chat.{0,20})\.?"
    r"|.{1,80} invited .{1,200} to this chat ?room\.?"
    r"|.{1,80}さんが(?:入室|退室|退出|参加)しました。?",
    re.IGNORECASE,
)
_WITHDRAWN = re.compile(
    r"삭제된 메시지입니다\.?|메시지가 삭제되었습니다\.?|This message (?:was|has been) deleted\.?"
    r"|Deleted message\.?|削除されたメッセージです。?",
    re.IGNORECASE,
)


def title_in(line: str) -> str | None:
    """The chat's name in a heading, without the number of members; None in another line."""
    for words in _TITLES:
        if found := words.fullmatch(line.strip()):
            return _MEMBERS.sub("", next(filter(None, found.groups()), ""))
    return None


def media_of(text: str) -> tuple[tuple[Attachment, ...], str]:
    """What stands for pictures, a sticker, a file…, and the words that are left."""
    if found := _NUMBERED.fullmatch(text):
        return (Attachment(AttachmentKind.PHOTO),) * int(found[1] or found[2] or found[3]), ""
    for kind, words in _MEDIA:
        if found := words.fullmatch(text):
            label = found["label"].strip()
            file = label if kind is AttachmentKind.FILE else ""
            return (Attachment(kind, label, file),), ""
    if found := _STORED.fullmatch(text):
        kind = _STORED_KINDS.get(found["suffix"].lower(), AttachmentKind.PHOTO)
        return (Attachment(kind, "", PurePath(text).name),), ""
    return (), text


def is_notice(text: str) -> bool:
    """Whether a line tells of members or of the room, not of what they said."""
    return bool(_NOTICE.fullmatch(text.strip()))


def is_withdrawn(text: str) -> bool:
    """Whether the words stand for a message that its author deleted."""
    return bool(_WITHDRAWN.fullmatch(text))
