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
        "cartão d[oe] conta[ct]?to", "contacto", "fiche contact", "scheda contatto", "contactkaart",
        "visitekaartje", "карточка контакта", "контакт", "картка контакту", "kişi kartı",
        "kartu kontak", "kad kenalan", "संपर्क कार्ड", "कॉन्टैक्ट कार्ड", "بطاقة جهة (?:ال)?اتصال",
        "جهة الاتصال", "برگ مخاطب", "رابطہ کارڈ", "联系人(?:名片|卡片)?", "聯絡人(?:卡片)?", "名片",
        "連絡先(?:カード)?", "연락처(?: 카드)?", "contact", "vizitka", "karta kontaktu",
        "wizytówk[aę] kontaktu", "thẻ liên lạc", "บัตรรายชื่อ", "כרטיס איש קשר",
        "(?:η )?κάρτα επαφής",
        "পরিচিতির কার্ড", "kontaktkort", "carte de vizită contact", "névjegykártya", "posjetnica",
        "yhteystietokortti", "targeta de contacte", "સંપર્કનું કાર્ડ",
    ),
    AttachmentKind.GIF: _any(
        "gif", "gif-анимация", "gif-анімацію", "gif-datei", "صورة gif", "plik gif", "gif fájl",
        "ảnh gif", "gif-animaatio", "gif (?:圖片|动态图)", "জিআইএফ",
    ),
    AttachmentKind.STICKER: _any(
        "sticker", "figurinha", "adesivo", "autocolante", "стикер", "наклейку", "çıkartma",
        "stiker", "pelekat", "स्टिकर", "الملصقات?", "ملصق", "استیکر", "اسٹیکر", "贴图", "貼圖",
        "ステッカー", "スタンプ", "스티커", "nálepka", "naklejk[aę]", "สติกเกอร์", "סטיקר",
        "αυτοκόλλητο", "স্টিকার", "klistermärke", "klistremerke", "klistermærke", "tarraa?",
        "matrica", "naljepnica", "adhesiu", "સ્ટીકર",
    ),
    AttachmentKind.VIDEO: _any(
        "video(?: note| message)?", "videonachricht", "vídeo", "vidéo", "видео", "видеосообщение",
        "відео", "वीडियो", "व्हिडीओ", "الفيديو(?:هات)?", "فيديو", "مقطع الفيديو", "ویدیو", "ویڈیو",
        "视频", "影片", "視訊", "動画", "ビデオ", "동영상", "비디오", "film", "wideo", "clip video",
        "videó", "videota", "วิดีโอ", "סרטון(?: הווידאו)?", "βίντεο", "ভিডিও", "વિડિયો",
    ),
    AttachmentKind.AUDIO: _any(
        "audio", "áudio", "ficheiro de áudio", "voice message", "sprachnachricht", "аудио(?:файл)?",
        "аудіо", "ses", "ses dosyası", "suara", "ऑडियो", "ऑडिओ", "المقطع الصوتي", "المقاطع الصوتية",
        "الصوت", "صوت", "صدا", "آڈیو", "音频", "語音", "语音", "音訊", "音声", "オーディオ",
        "오디오",
        "음성", "ljud", "lyd", "zvukový soubor", "zvuk", "tệp âm thanh", "ไฟล์เสียง",
        "קטע קול|הודעה קולית", "ήχος", "অডিও", "hang", "äänitiedostoa?", "àudio", "ઓડિયો ફાઇલ",
    ),
    AttachmentKind.PHOTO: _any(
        "image", "picture", "photo", "bild", "foto", "imagen", "imagem", "immagine", "afbeelding",
        "изображение", "фото", "зображення", "görüntü", "resim", "fotoğraf", "gambar", "imej",
        "छवि", "इमेज", "फ़ोटो", "الصورة", "صورة", "تصویر", "图像", "图片", "照片", "圖片", "圖像",
        "相片", "画像", "이미지", "사진", "obrázek", "obrázok", "obraz", "hình ảnh", "รูปภาพ",
        "(?:ה)?תמונה", "εικόνα", "ইমেজ", "bilde", "billede", "kuva", "imagine", "imatge", "kép",
        "slika", "છબી",
    ),
    AttachmentKind.FILE: _any(
        "document", "dokument", "documento", "документ", "belge", "dokumen", "bestand", "दस्तावेज़",
        "डॉक्यूमेंट", "डॉक्युमेंट", "المستند", "مستند", "سند", "دستاویز", "文档", "文件", "檔案",
        "ドキュメント", "문서", "tài liệu", "เอกสาร", "מסמך", "έγγραφο", "ডকুমেন্ট", "dokumenttia?",
        "dokumentum", "ડોક્યુમેન્ટ",
    ),
}  # fmt: skip
"""The kinds of media by their names."""
OMITTED = _any(
    "omitted", "weggelassen", "ausgelassen", "ausgeschlossen", "omitid[oa]s?", "omis(?:es?|ă)?",
    "absente?", "retiré", "manquante?", "omess[oaie]", "esclus[oa]", "non inclus[oa]", "omesa",
    "omès", "ocult(?:ad)?[oa]", "não revelad[oa]", "weggelaten", "отсутствует", "опущен[оа]?",
    "пропущен[оа]?", "не (?:отправлен|добавлен)[оа]?", "відсутн(?:є|я|ій)", "не додано",
    "dahil edilmedi", "atlandı", "tidak (?:disertakan|dimasukkan)", "disingkirkan", "छोड़ा गया",
    "छोड़ी गई", "हटाया गया", "हटाई ग[ईय]ी?", "वगळ(?:ला|ली|ले)", "शामिल नहीं (?:है|किया गया)",
    "تم حذف", "لم يتم إدراج", "حذف شد", "نظر ?انداز", "نکال دی گئی ہے", "تم استبعاد", "تم تجاهل",
    "غير مرفقة?", "محذوفة?", "已(?:被)?(?:忽略|省略|略過|略去)", "忽略", "省略されました", "省略",
    "は含まれていません", "생략됨", "제외됨", "생략", "utelämna[dt]", "uteslut(?:en|et)",
    "utelslutet",
    "utelatt", "ikke inkludert", "sløyfet", "udeladt", "pominięt[aeoy]", "pominięto",
    "vynech[aá]n[aáoeéý]?", "(?:đã )?bỏ(?: qua)?", "(?:ที่)?ละเว้น", "ถูกลบ", "הושמטה?",
    "παραλ[εή][ιί]?φθηκε", "παράληψη", "বাদ দেওয়া হয়েছে", "kihagy(?:va|ása)", "küldése sikertelen",
    "izostavljen[ao]?", "ei sisällyte(?:tä|tty)", "jät(?:etty|ettiin) pois",
    "પડતું? મ[ુૂ]કા(?:ઈ|યું)", "પડતી મ[ુૂ]કાઈ", "સામેલ કર્યું નહિ", "શામેલ કરી નથી",
)  # fmt: skip
_MEDIA = _any(
    "media", "medien", "medier", "multim", "mídia", "média", "médiá", "medya", "медиа", "медіа",
    "медији", "meedia", "medij", "मीडिया", "મ[ીિ]ડિયા", "মিডিয়া", "ਮੀਡੀਆ", "మీడియా",
    "మాధ్యమం", "ഡിയ", "ಮಾಧ್ಯಮ|ಮೀಡಿಯಾ", "ஊடகங்கள்|கோப்புகள்", "وسائط", "میڈیا", "影音", "多媒体",
    "多媒體", "媒體", "媒体", "メディア", "미디어", "ມີເດຍ", "file", "fichier", "fitxer",
    "ficheiro",
    "arquivo", "archivo", "файл", "фајл", "fayl", "datoteke", "mitjans", "πολυμέσων", "multimèdia",
    "πολυμέσα", "αρχείο", "מדיה", "رسانه", "پيوست", "phương tiện", "สื่อ", "plik", "multivid",
    "mediefil", "vedlegg", "view once", OMITTED,
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
SELF = frozenset({"You", "Você", "Вы", "Anda", "आप", "您", "あなた"})
"""How some versions of the app call the one who exports; words that are also names are left out."""
_FLAGS = re.IGNORECASE | re.DOTALL
_FILE = r"[^<>\n]{1,200}\.\w{2,5}"
_NOUN = "|".join(f"(?P<{kind}>{names})" for kind, names in NOUNS.items())

EDITED = re.compile(rf"<[^<>\n]*(?:{_EDITED})[^<>\n]*>", _FLAGS)
IOS_FILE = re.compile(
    rf"\u200e?<\u200e?[^<>:：\n]{{2,20}}{chr(0xA0)}?\s?[:：]\s?(?P<file>{_FILE})>", _FLAGS
)
"""``<attached: 00000042-PHOTO-2021-01-01.jpg>``; the word before the colon is the phone's."""
OLD_IOS_FILE = re.compile(
    rf"\u200e?(?P<file>{_FILE})\s?<\u200e?[^<>\n]{{0,60}}(?:{_ATTACHED})[^<>\n]{{0,60}}>", _FLAGS
)
ANDROID_FILE = re.compile(
    r"(?P<mark>\u200e?)(?P<file>[^\n]{1,200}\.\w{2,5}) \((?P<word>[^()\n]{3,40})\)", _FLAGS
)
ATTACHED = re.compile(_ATTACHED, _FLAGS)
ANDROID_OMITTED = re.compile(rf"\u200e?<[^<>\n]{{0,60}}(?:{_MEDIA})[^<>\n]{{0,60}}>|null", _FLAGS)
IOS_OMITTED = re.compile(
    rf"(?:(?:{_NOUN})[はがを]?\s{{0,2}}(?:{OMITTED})"
    rf"|(?:{OMITTED})\s?(?:{_NOUN.replace('?P<', '?P<_')}))[.。]?",
    _FLAGS,
)
UNSAID = {
    AttachmentKind.PHOTO: ("ไม่มีรูปภาพ", "ei kuvaa"),
    AttachmentKind.AUDIO: ("ไม่มีไฟล์เสียง", "fără audio"),
    AttachmentKind.STICKER: ("ไม่มีสติกเกอร์",),
}
"""What iPhones write for media in words that people use too; sure only behind the app's mark."""
FILE_NAME = re.compile(r"[^\n]{1,200}?\.\w{2,5}(?: • [^\n•]{1,24})?")
"""A document's name, and how many pages it has."""
POLL = re.compile(rf"\u200e?(?:{_POLL})\s?[:：]\s*(?P<question>[^\n]*)", _FLAGS)
LOCATION = re.compile(
    r"\u200e?[^:：\n]{2,24}[:：]\s?https?://(?:maps\.google\.|(?:www\.)?google\.\w+/maps|foursquare\.|"
    r"maps\.app\.goo\.gl|maps\.apple\.)\S*",
    _FLAGS,
)
PLACE = re.compile(
    r"(?P<name>[^\n]{1,120}?)(?:: |(?:\n[^\n]{0,160})?\n)https?://(?:www\.)?foursquare\.com/v/\S+"
)
"""A place that was looked up: its name, on Android also its address, and where it is described."""
LIVE_LOCATION = re.compile(rf"\u200e[^\n]*(?:{_LIVE})[^\n]*|live location shared", _FLAGS)
