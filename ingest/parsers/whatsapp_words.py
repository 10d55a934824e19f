"""What WhatsApp writes in place of media, deleted and edited messages, in the phone's language.

From exports in these languages and the lists of public parsers. The app has no fixed wording even
within one language (Android and iOS differ, and both changed), so most are found by their stems.
"""

from __future__ import annotations

import re

from ingest.chat import AttachmentKind


def _any(*words: str) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


NOUNS = {
    AttachmentKind.CONTACT: _any(
        "contact card", "kontaktkarte", "kontakt", "tarjeta de contacto",
        "cartão d[oe] conta[ct]?to", "fiche contact", "scheda contatto", "contactkaart",
        "карточка контакта", "контакт", "kişi kartı", "kartu kontak", "संपर्क कार्ड",
        "بطاقة جهة الاتصال", "جهة الاتصال", "联系人(?:名片)?", "聯絡人", "名片",
        "連絡先(?:カード)?", "연락처(?: 카드)?", "contact",
    ),
    AttachmentKind.GIF: _any("gif", "gif-анимация", "gif-datei"),
    AttachmentKind.STICKER: _any(
        "sticker", "figurinha", "adesivo", "autocolante", "стикер", "çıkartma", "stiker",
        "स्टिकर", "الملصق", "ملصق", "贴图", "貼圖", "ステッカー", "スタンプ", "스티커",
    ),
    AttachmentKind.VIDEO: _any(
        "video(?: note| message)?", "videonachricht", "vídeo", "vidéo", "видео", "видеосообщение",
        "वीडियो", "الفيديو", "فيديو", "مقطع الفيديو", "视频", "影片", "視訊", "動画", "ビデオ",
        "동영상", "비디오", "film",
    ),
    AttachmentKind.AUDIO: _any(
        "audio", "áudio", "voice message", "sprachnachricht", "аудио(?:файл)?", "ses",
        "ses dosyası", "suara", "ऑडियो", "المقطع الصوتي", "الصوت", "صوت", "音频", "語音", "语音",
        "音訊", "音声", "オーディオ", "오디오", "음성", "ljud",
    ),
    AttachmentKind.PHOTO: _any(
        "image", "picture", "photo", "bild", "foto", "imagen", "imagem", "immagine", "afbeelding",
        "изображение", "фото", "görüntü", "resim", "fotoğraf", "gambar", "छवि", "इमेज", "फ़ोटो",
        "الصورة", "صورة", "图像", "图片", "照片", "圖片", "圖像", "相片", "画像", "이미지", "사진",
    ),
    AttachmentKind.FILE: _any(
        "document", "dokument", "documento", "документ", "belge", "dokumen", "bestand", "दस्तावेज़",
        "डॉक्यूमेंट", "المستند", "مستند", "文档", "文件", "檔案", "ドキュメント", "문서",
    ),
}  # fmt: skip
"""The kinds of media by their names."""
OMITTED = _any(
    "omitted", "weggelassen", "ausgelassen", "ausgeschlossen", "omitid[oa]s?", "omis(?:es?)?",
    "absente?", "retiré", "manquante?", "omess[oaie]", "esclus[oa]", "non inclus[oa]",
    "ocult(?:ad)?[oa]", "não revelad[oa]", "weggelaten", "отсутствует", "опущен[оа]?",
    "пропущен[оа]?", "не (?:отправлен|добавлен)[оа]?", "dahil edilmedi", "atlandı",
    "tidak disertakan", "disingkirkan", "छोड़ा गया", "छोड़ी गई", "हटाया गया", "हटाई गई",
    "शामिल नहीं (?:है|किया गया)", "تم حذف", "تم استبعاد", "تم تجاهل", "غير مرفقة?", "محذوفة?",
    "已忽略", "已省略", "已略過", "忽略", "省略されました", "省略", "は含まれていません", "생략됨",
    "제외됨", "생략", "utelämnad", "utelatt", "udeladt", "pominięt[oay]",
)  # fmt: skip
_MEDIA = _any(
    "media", "medien", "multim", "mídia", "média", "medya", "медиа", "медіа", "मीडिया", "وسائط",
    "影音", "多媒体", "多媒體", "媒體", "媒体", "メディア", "미디어", "file", "fichier", "ficheiro",
    "arquivo", "archivo", "файл", "multimèdia", "πολυμέσα", "מדיה", "رسانه", "phương tiện", "สื่อ",
    "plik", "mediefil", "view once", OMITTED,
)  # fmt: skip
_ATTACHED = _any(
    "attach", "angehängt", "anhang", "adjunt", "anexad", "joint", "allegat", "bijgevoegd",
    "добавлен", "прикреп", "вложен", "ekli", "eklendi", "terlampir", "dilampirkan", "संलग्न",
    "अटैच", "مرفق", "附件", "附加", "添付", "첨부", "bifoga", "załącz", "přilož", "vedlagt",
    "vedhæft", "liite", "atașat", "συνημμ", "מצורף", "مرفقات",
)  # fmt: skip
_EDITED = _any(
    "edited", "bearbeitet", "edit[óaoáé]", "editad[oa]", "modifié", "modificato", "bewerkt",
    "измен", "düzenlendi", "diedit", "एडिट", "संपादित", "تعديل", "编辑", "編輯", "編集", "수정",
    "redigera", "redigeret", "redigert", "edytowan", "upraven", "muokattu",
)  # fmt: skip
_POLL = _any(
    "poll", "umfrage", "encuesta", "enquete", "sondagem", "sondage", "sondaggio", "peiling",
    "опрос", "anket", "polling", "jajak pendapat", "पोल", "मतदान", "استطلاع رأي", "استطلاع",
    "投票", "アンケート", "설문조사", "설문", "투표", "omröstning", "ankieta",
)  # fmt: skip
_LIVE = _any(
    "live location", "live-standort", "ubicación en tiempo real", "localização em tempo real",
    "localisation en direct", "position en direct", "posizione attuale", "posizione in tempo reale",
    "live locatie", "геоданные", "трансляция местоположения", "canlı konum", "lokasi terkini",
    "लाइव लोकेशन", "الموقع المباشر", "实时位置", "即時位置", "ライブロケーション", "실시간 위치",
)  # fmt: skip
_DELETED = (
    "this message was deleted", "you deleted this message", "this message was deleted by admin.*",
    "diese nachricht wurde gelöscht", "du hast diese nachricht gelöscht",
    "(?:se )?elimin(?:ó|aste) este mensaje", "este mensaje fue eliminado",
    "(?:essa |esta )?mensagem (?:foi )?apagada", "você apagou essa mensagem",
    "apagou esta mensagem", "ce message a été supprimé", "vous avez supprimé ce message",
    "questo messaggio è stato eliminato", "hai eliminato questo messaggio",
    "dit bericht (?:is|werd) verwijderd", "(?:je hebt|u hebt|u heeft) dit bericht verwijderd",
    "(?:данное |это )?сообщение удалено", "вы удалили (?:данное|это) сообщение",
    "bu mesaj silindi", "bu mesajı sildiniz", "pesan ini (?:telah )?dihapus",
    "anda (?:telah )?menghapus pesan ini", "यह (?:मैसेज|संदेश) (?:डिलीट किया गया|हटा दिया गया)(?: था)?",
    "आपने यह (?:मैसेज|संदेश) (?:डिलीट किया|हटा दिया)(?: है)?", "تم حذف هذه الرسالة",
    "(?:لقد |أنت )?حذفتَ? هذه الرسالة", "(?:此|该|该条|这条)(?:消息|信息)已(?:被)?删除",
    "[您你](?:已)?删除了?(?:此|该|这条)(?:消息|信息)", "(?:此|這則|該)訊息已(?:被)?刪除",
    "[您你](?:已)?刪除了?(?:此|這則|該)訊息", "(?:このメッセージは|メッセージが)削除されました",
    "(?:あなたが)?このメッセージを削除しました", "삭제된 메시지입니다",
    "(?:이 )?메시지(?:는|가) 삭제되었습니다",
    "(?:내가 )?삭제한 메시지입니다", "(?:이 )?메시지를 삭제했습니다",
    "(?:det här )?meddelandet har raderats",
    "ta wiadomość została usunięta", "usunięto tę wiadomość",
)  # fmt: skip
SELF = frozenset({"You", "Você", "Вы", "Anda", "आप", "您", "あなた"})
"""How some versions of the app call the one who exports; words that are also names are left out."""
_FLAGS = re.IGNORECASE | re.DOTALL
_FILE = r"[^<>\n]{1,200}\.\w{2,5}"
_NOUN = "|".join(f"(?P<{kind}>{names})" for kind, names in NOUNS.items())

DELETED = re.compile(rf"(?:{'|'.join(_DELETED)})[.。]?", _FLAGS)
EDITED = re.compile(rf"<[^<>\n]*(?:{_EDITED})[^<>\n]*>", _FLAGS)
IOS_FILE = re.compile(
    rf"\u200e?<\u200e?[^<>:：\n]{{2,20}}{chr(0xA0)}?\s?[:：]\s?(?P<file>{_FILE})>", _FLAGS
)
"""``<attached: 00000042-PHOTO-2021-01-01.jpg>``; the word before the colon is the phone's."""
OLD_IOS_FILE = re.compile(
    rf"\u200e?(?P<file>{_FILE})\s?<\u200e?[^<>\n]*(?:{_ATTACHED})[^<>\n]*>", _FLAGS
)
ANDROID_FILE = re.compile(
    r"(?P<mark>\u200e?)(?P<file>[^\n]{1,200}\.\w{2,5}) \((?P<word>[^()\n]{3,40})\)", _FLAGS
)
ATTACHED = re.compile(_ATTACHED, _FLAGS)
ANDROID_OMITTED = re.compile(rf"\u200e?<[^<>\n]*(?:{_MEDIA})[^<>\n]*>|null", _FLAGS)
IOS_OMITTED = re.compile(
    rf"(?:(?:{_NOUN})(?:は|が)?\s?(?:{OMITTED})"
    rf"|(?:{OMITTED})\s?(?:{_NOUN.replace('?P<', '?P<_')}))[.。]?",
    _FLAGS,
)
POLL = re.compile(rf"\u200e?(?:{_POLL})\s?[:：]\s*(?P<question>[^\n]*)", _FLAGS)
LOCATION = re.compile(
    r"\u200e?[^:：\n]{2,24}[:：]\s?https?://(?:maps\.google\.|(?:www\.)?google\.\w+/maps|foursquare\.|"
    r"maps\.app\.goo\.gl|maps\.apple\.)\S*",
    _FLAGS,
)
LIVE_LOCATION = re.compile(rf"\u200e[^\n]*(?:{_LIVE})[^\n]*|live location shared", _FLAGS)
