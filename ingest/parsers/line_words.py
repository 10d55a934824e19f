"""What LINE's text exports write for media, titles and system messages, by language."""

from __future__ import annotations

import re

from ingest.chat import Attachment, AttachmentKind

_WORDS = {
    AttachmentKind.STICKER: "Sticker|Stickers|スタンプ|貼圖|贴图|스티커|สติกเกอร์|Stiker",
    AttachmentKind.PHOTO: (
        "Photo|Photos|Image|写真|画像|照片|圖片|图片|사진|รูป|รูปภาพ|ภาพ|Foto|Gambar"
    ),
    AttachmentKind.VIDEO: "Video|Videos|動画|影片|视频|동영상|비디오|วิดีโอ",
    AttachmentKind.VOICE: (
        "Voice message|Voice messages|Audio|ボイスメッセージ|語音訊息|语音信息|음성 ?메시지"
        "|ข้อความเสียง|Pesan suara"
    ),
    AttachmentKind.FILE: "File|Files|ファイル|檔案|文件|파일|ไฟล์|Berkas",
    AttachmentKind.LOCATION: (
        "Location|null|位置情報|位置訊息|位置資訊|位置|위치|ตำแหน่งที่ตั้ง|ตำแหน่ง|Lokasi"
    ),
    AttachmentKind.CONTACT: "Contact|Contacts|連絡先|聯絡資訊|联系人|연락처|รายชื่อ|Kontak",
    AttachmentKind.POLL: "Poll|投票|アンケート|투표|โพล|Polling",
    AttachmentKind.OTHER: (
        "Album|アルバム|相簿|相册|앨범|อัลบั้ม|Notes?|ノート|記事本|记事本|노트|โน้ต|Catatan"
        "|Gift|プレゼント|禮物|Music|ミュージック|Keep"
    ),
}
_MEDIA = [
    (kind, re.compile(rf"\[(?:{words})\]\s*(.*)", re.IGNORECASE | re.DOTALL), re.compile(words))
    for kind, words in _WORDS.items()
]
_TITLES = (
    (re.compile(r"Chat history with (.+)"), True),
    (re.compile(r"Chat history in (.+)"), False),
    (re.compile(r"(.+)とのトーク履歴"), True),
    (re.compile(r"(.+)のトーク履歴"), False),
    (re.compile(r"[與与]\s?(.+?)\s?的(?:聊天|對話|对话)(?:記錄|紀錄|记录)?"), True),
    (re.compile(r"(.+?)\s?的(?:聊天|對話|对话)(?:記錄|紀錄|记录)?"), False),
    (re.compile(r"(.+?)\s?님과(?:의| 주고받은| 나눈)? ?(?:대화|채팅)(?: ?내용| ?기록)?"), True),
    (re.compile(r"(.+?)의? (?:대화|채팅)(?: ?내용| ?기록)?"), False),
    (re.compile(r"ประวัติการ(?:แชท|แชต|สนทนา)กับ\s?(.+)"), True),
    (re.compile(r"ประวัติการ(?:แชท|แชต|สนทนา)(?:ใน)?\s?(.+)"), False),
    (re.compile(r"Riwayat (?:obrolan|chat|percakapan) dengan (.+)", re.IGNORECASE), True),
    (re.compile(r"Riwayat (?:obrolan|chat|percakapan)(?: di)? (.+)", re.IGNORECASE), False),
)
_NOTICE = re.compile(
    r"☎.*|.{0,60}(?:メッセージの送信を取り消しました|已?收回(?:了)?訊息|撤回了一条消息"
    r"|unsent a message\.?|메시지(?:의 전송)?를 취소했습니다\.?|ยกเลิกข้อความ|ยกเลิกการส่งข้อความ"
    r"|membatalkan pengiriman pesan\.?)"
    r"|Message unsent\.|Auto-reply.*",
    re.IGNORECASE,
)
_CAME = re.compile(
    r".{1,80}(?:(?:joined|left) the (?:group|chat)|to the group|参加しました|退会しました"
    r"|退出しました|招待しました|追加しました|変更しました|取り消しました|已加入群組|已加入聊天"
    r"|已退出群組|已離開群組|加入群組|들어왔습니다|나갔습니다|초대했습니다|변경했습니다|เข้าร่วมกลุ่ม"
    r"|ออกจากกลุ่ม|bergabung(?: ke| dengan) grup|keluar dari grup)[.。]?",
    re.IGNORECASE,
)


def media_of(text: str, *, is_bare: bool = False) -> tuple[Attachment | None, str]:
    """What stands for a picture, sticker, file…, and the words that are left.

    ``is_bare`` for the exports of computers, which write no brackets around it.
    """
    for kind, words, bare in _MEDIA:
        if found := words.fullmatch(text) or (bare.fullmatch(text) if is_bare else None):
            label = found[1].strip() if found.re is words else ""
            if kind in (AttachmentKind.PHOTO, AttachmentKind.VIDEO, AttachmentKind.STICKER):
                return Attachment(kind), label
            file = label if kind is AttachmentKind.FILE else ""
            return Attachment(kind, " ".join(label.split()), file), ""
    return None, text


def title_in(heading: str) -> tuple[str, bool]:
    """The chat's name in the heading, and whether it is between two people."""
    for words, is_private in _TITLES:
        if found := words.fullmatch(heading):
            return found[1].strip(), is_private
    return heading, False


def is_notice(text: str) -> bool:
    """Whether a message is a call, or was taken back."""
    return bool(_NOTICE.fullmatch(text))


def is_coming_or_going(text: str) -> bool:
    """Whether a line without a column for names tells of members, not of what they said."""
    return bool(_CAME.fullmatch(text))
