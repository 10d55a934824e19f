"""What WhatsApp writes in people's names without their having said it, in the phone's language.

Deleted messages, missed calls, the notice of encryption and of a changed security code. The app
marks them on iPhones with U+200E, which many editors and tools remove; Android marks nothing.
From exports in these languages and the strings that public parsers list.
"""

from __future__ import annotations

import re

_DELETED = (
    # "This message was deleted"
    "this message was deleted(?: by .{1,100})?", "diese nachricht wurde gelöscht",
    "se eliminó este mensaje", "este mensaje fue eliminado",
    "(?:essa |esta )?mensagem (?:foi )?apagada(?: pelo remetente)?",
    "ce message a été supprimé", "questo messaggio è stato (?:eliminato|cancellato)",
    "dit bericht (?:is|werd) verwijderd", "(?:данное |это )?сообщение удалено",
    "це повідомлення (?:було )?видалено", "съобщението беше изтрито", "ова порука је обрисана",
    "оваа порака беше избришана", "bu mesaj silindi", "bu ismarıc silindi",
    "pesan ini (?:telah )?dihapus", "mesej ini telah dipadam", "ujumbe huu ulifutwa",
    "यह (?:मैसेज|संदेश) (?:डिलीट|हटा|मिटाया)(?: कर)?(?: दिया)?(?: किया)?(?: गया)?"
    "(?: (?:था|है))?",
    "हा (?:मेसेज|संदेश) हटव.{1,16} आला(?: होता)?", "આ (?:મેસેજ ડિલીટ|સંદેશ રદ્દ) કરાયો",
    "এই (?:মেসেজটি|বার্তাটি) .{2,8} (?:দেওয়া|ফেলা) হয়েছে।?", "یہ (?:میسج|پیغام) حذف .{2,16}",
    "این پیام حذف شد(?:ه است)?", "تم حذف هذه الرسالة", "הודעה זו נמחקה",
    "(?:此|该|该条|这条)?(?:消息|信息)已(?:被)?删除", "(?:此|這則|該)訊息已(?:被)?刪除",
    "(?:このメッセージは|メッセージが)削除されました", "(?:이 )?메시지(?:는|가) 삭제되었습니다",
    "삭제된 메시지입니다", "ข้อความนี้(?:ได้)?ถูกลบ(?:แล้ว)?", "tin nhắn này đã bị x(?:óa|oá)",
    "(?:det här|detta) meddelande(?:t)? (?:raderades|har raderats)",
    "denne melding(?:en)? ble slettet", "denne besked (?:blev|er blevet) slettet",
    "tämä viesti poistettiin", "ta wiadomość została usunięta", "usunięto tę wiadomość",
    "tato zpráva byla (?:smazána|odstraněna)", "táto správa bola odstránená",
    "acest mesaj a fost șters", "ez az üzenet törlésre került",
    "ova (?:je )?poruka (?:je )?izbrisana",
    "to sporočilo je bilo izbrisano", "šī ziņa tika izdzēsta", "ši žinutė buvo ištrinta",
    "see sõnum on kustutatud", "aquest missatge (?:s'ha suprimit|està esborrat)",
    "αυτό το μήνυμα διαγράφηκε", "ushbu xabar o‘chirildi", "бұл хат жойылды",
    "hierdie boodskap was uitgevee",
    # "You deleted this message"
    "you deleted this message(?: as admin)?", "du hast diese nachricht gelöscht",
    "eliminaste este mensaje", "(?:você )?apagou (?:essa|esta) mensagem",
    "vous avez supprimé ce message", "hai eliminato questo messaggio",
    "(?:je hebt|u hebt|u heeft) dit bericht verwijderd", "вы удалили (?:данное|это) сообщение",
    "ви видалили це повідомлення", "изтрихте това съобщение", "обрисао/ла си ову поруку",
    "bu mesajı sildiniz", "siz bu ismarıcı sildiniz", "anda (?:telah )?menghapus pesan ini",
    "anda telah memadamkan mesej ini",
    "आपने यह (?:मैसेज|संदेश) (?:डिलीट किया|हटा दिया|मिटाया)(?: है)?",
    "شما این پیام را حذف کردید", "(?:لقد |أنت )?حذ[ََ]?ف[تَ]{1,3} هذه الرسالة",
    "מחקת (?:את ה)?הודעה (?:הזו|זו)",
    "[您你](?:已)?(?:删除了?|刪除了?)(?:此|[该這这则]|该条|这个|这条|這則)(?:消息|信息|訊息)",
    "(?:あなたが)?このメッセージを削除しました", "(?:내가 )?삭제한 메시지입니다",
    "(?:이 )?메시지를 삭제했습니다", "คุณ(?:ได้)?ลบข้อความนี้", "bạn đã x(?:óa|oá) tin nhắn này",
    "du (?:har tagit bort meddelandet|raderade (?:det här meddelandet|detta meddelande))",
    "du slettet denne meldingen", "du (?:har slettet|slettede) denne besked",
    "poistit tämän viestin", r"usun[ąę]ł[eęa]ś(?:\(-?[ęea]{0,2}łaś\)|\(aś\))? tę wiadomość",
    r"tuto zprávu jste (?:smazal|odstranil)(?:/?a|\(a\))?", "túto správu ste odstránili",
    "ați șters acest mesaj", "(?:ezt az üzenetet törölted|törölted ezt az üzenetet)",
    "izbrisali ste ovu poruku", "to sporočilo ste izbrisali", "jūs izdzēsāt šo ziņu",
    "jūs ištrynėte šią žinutę", "kustutasid selle sõnumi",
    "has (?:suprimit|esborrat) aquest missatge", "διαγράψατε (?:αυτό )?το μήνυμα",
    "jy het boodskap uitgevee",
)  # fmt: skip
_MISSED = (
    "missed (?:group )?(?:voice|video) call", "verpasster (?:sprach|video)anruf",
    "appel (?:vocal|vidéo) manqué", "(?:chiamata vocale|videochiamata) persa",
    "(?:chamada de (?:voz|vídeo)|videochamada) perdida",
    "(?:llamada(?: de voz)?|videollamada) perdida", "пропущенный (?:аудио|видео)звонок",
    "пропущений (?:аудіо|відео)дзвінок", "gemist(?:e)? (?:spraak|video)(?:gesprek|-?oproep)",
    "cevapsız (?:sesli|görüntülü) arama", "panggilan (?:suara|video) (?:tak terjawab|terlepas)",
    "मिस्ड (?:व्हॉइस|वॉइस|वीडियो|व्हिडिओ) कॉल", "वॉइस कॉल मिस हुई",
    "مكالمة (?:صوتية|فيديو) فائتة", "تماس (?:صوتی|تصویری) پاسخ داده نشده",
    "שיח[הת] (?:קולית|וידאו) שלא נענתה", "未接(?:語音|语音|視像|视频|視訊)通[話话]",
    "(?:音声通話|ビデオ通話)?不在着信", "부재중 (?:전화|음성통화|영상통화)",
    "สายที่ไม่ได้รับ|วิดีโอคอลที่ไม่ได้รับ", "cuộc gọi nhỡ(?: video)?",
    "missat (?:röst|video)?samtal", "tapt (?:taleanrop|videoanrop)",
    "(?:ubesvaret (?:tale|video)opkald|mistet opkald)", "vastaamaton (?:ääni|video)puhelu",
    r"nieodebrane poł(?:\.|ączenie)(?: głosowe| wideo)?", "zmeškaný (?:hlasový )?(?:video)?hovor",
    "apel (?:vocal|video) (?:ratat|nepreluat)", "nem fogadott (?:hang|vide[oó])hívás",
    "propušteni? (?:glasovni poziv|video ?poziv)", "trucada de (?:veu|vídeo) perduda",
    "αναπάντητη (?:(?:φωνητική )?κλήση|βιντεοκλήση)",
)  # fmt: skip
_BACK = "tap|click|geri aramak|toca|tippe|appuyez|toque|tocca|tik|нажмите|ketuk"
"""How the invitation to call back begins."""
_AWAITED = (
    r"waiting for this message\. this may take a while",
    r"warte auf diese nachricht\. dies kann eine weile dauern",
    r"esperando (?:el|este) mensaje\. esto puede (?:tardar|tomar)(?: un (?:rato|tiempo))?",
    r"aguardando mensagem\. essa ação pode levar alguns instantes",
    r"en attente de ce message\. cela peut prendre un moment",
)  # fmt: skip
_MESSAGES = (
    "messages (?:and calls are|(?:you send )?to this )", "nachrichten (?:und anrufe sind|in )",
    "les (?:messages et (?:les )?appels sont|messages envoyés dans )",
    "los mensajes (?:y (?:las )?llamadas |en )", "as mensagens (?:e |desta |deste )",
    "i messaggi (?:e le chiamate sono|.{0,9}in questa) ", "(?:de )?berichten (?:en |in )",
    "сообщения (?:и звонки|в )", "повідомлення (?:й|та) дзвінки", "mesajlar ve aramalar ",
    "(?:pesan|mesej) dan panggilan ", "मैसेजेस और कॉल्स |संदेश और कॉल ", "الرسائل والمكالمات ",
    "ההודעות והשיחות ", "消息(?:和通话)?", "訊息和通話", "メッセージと通話",
    "메시지 (?:및|와) 통화",
    "ข้อความและการโทร", "tin nhắn và cuộc gọi ", "wiadomości i połączenia ",
    "(?:zprávy|správy) a hovory ",
    "meddelanden och samtal ", "meldinger og ", "beskeder og opkald ", "viestit ja puhelut ",
    "mesajele și apelurile ", "az üzenetek és ", "τα μηνύματα και ",
)  # fmt: skip
_ENCRYPTED = (
    "encrypt|secured with|verschlüssel|chiffré|cifrad|encriptad|criptograf|crittograf|versleutel"
    "|beveiligd|шифр|şifre|enkripsi|disulitkan|एन्क्रिप्ट|مشفرة|מוצפנ|加密|暗号|암호|เข้ารหัส|mã hóa"
    "|szyfrow|šifrov|krypter|salat|criptat|titkosít|κρυπτογραφ|protegidas com"
)
_CODES = (
    "your security code with", "deine sicherheitsnummer (?:für|mit)", "votre code de sécurité avec",
    "il tuo codice di sicurezza con", "(?:o )?seu código de segurança (?:partilhado )?com",
    "tu código de seguridad con", "ваш код безопасности с контактом",
    "код безпеки з контактом", "(?:uw|je) beveiligingscode (?:voor|met)",
    "twój kod zabezpieczeń z użytkownikiem", "bezpečnostní kód mezi vámi a",
    "kode keamanan anda dengan", "mã bảo mật của bạn với", "รหัสความปลอดภัยของคุณกับ",
    "您[和與与] ?.{1,60}? ?的?(?:之間的)?安全(?:代码|代碼|碼)",
)  # fmt: skip
_NAMED_CODES = (
    "とのセキュリティコード|님과의 보안 코드| ile aranızdaki güvenlik kodu| के लिए आपका सुरक्षा कोड"
)
"""In languages that name the person first."""
_CHANGED = (
    "changed|geändert|changé|cambi|mudou|измен|змін|gewijzigd|veranderd|zmieni|změn|berubah"
    "|thay đổi|เปลี่ยน|更|変更|변경|değişti|बदल|المُستخدَم"
)
_LONGEST, _LONGEST_CALL = 600, 90
"""Characters of the longest of these notices."""
_FLAGS = re.IGNORECASE | re.DOTALL
DELETED = re.compile(rf"(?:{'|'.join(_DELETED)})[.。]?", _FLAGS)
_CALL = re.compile(
    rf"(?:{'|'.join(_MISSED)})[.。]?(?:[,،]? ?\u200e?(?:{_BACK})\b.{{0,40}})?"
    rf"|(?:{'|'.join(_AWAITED)})[.]?",
    _FLAGS,
)
_NOTICE = re.compile(
    rf"(?:{'|'.join(_MESSAGES)}).{{0,80}}?(?:{_ENCRYPTED})"
    rf"|(?:{'|'.join(_CODES)}).{{0,80}}?(?:{_CHANGED})"
    r"|cambió tu código de seguridad con|تغيّر رمز أمانك",
    _FLAGS,
)
_NAMED_NOTICE = re.compile(rf"(?:{_NAMED_CODES}).{{0,30}}?(?:{_CHANGED})", _FLAGS)


def is_notice(text: str) -> bool:
    """Whether this is one of the app's own sentences: of encryption, a code, a missed call."""
    if len(text) > _LONGEST or "\n" in text:
        return False
    if len(text) <= _LONGEST_CALL and _CALL.fullmatch(text):
        return True
    return bool(len(text) > 24 and (_NOTICE.match(text) or _NAMED_NOTICE.search(text, 0, 120)))
