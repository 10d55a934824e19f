"""Sentences Meta's exporter writes into ``content`` as if the sender had written them.

Since about 2021 nothing else marks them, and they are in the language of the account. English ones
are those seen in published exports and the tools that filter them; other languages have the most
frequent two, reactions and attachments.
"""

from __future__ import annotations

import re

_NOTICE_TYPES = frozenset({"Call", "Payment", "Plan", "Subscribe", "Unsubscribe"})
"""``type`` of messages until about 2023."""
_REACTED = (
    r"reacted \S{1,24} to (?:your|a|his|her|their) message ?",
    r"hat mit \S{1,24} auf (?:deine|eine) Nachricht reagiert ?\.?",
    r"a réagi (?:avec )?\S{1,24} à (?:votre|ton|un) message ?\.?",
    r"reaccionó (?:con )?\S{1,24} a (?:tu|su|un) mensaje ?\.?",
    r"reagiu (?:com )?\S{1,24} à (?:sua|tua) mensagem ?\.?",
    r"ha (?:reagito|risposto) con \S{1,24} al tuo messaggio ?\.?",
    r"heeft met \S{1,24} (?:op|gereageerd op) je bericht(?: gereageerd)? ?\.?",
    r"zareagował(?:\(a\)|a)? \S{1,24} na Twoją wiadomość ?\.?",
    r"menanggapi pesan Anda dengan \S{1,24} ?\.?",
)
_HAPPENED = (
    r"liked a message",
    r"(?:started|joined|ended) (?:a|an|the) (?:video |audio |group )?(?:chat|call)\.?",
    r"missed (?:your|a|an) (?:video |audio |group )?(?:chat|call)(?: from .{1,80})?\.?",
    r"called you\.",
    r"named the group .{1,200}",
    r"changed the (?:group photo|chat theme|theme|group name).{0,200}",
    r"removed the group (?:photo|name)\.?",
    r"(?:set|changed|cleared) (?:the|your|his|her|their|.{1,80}'s) (?:own )?(?:quick reaction|"
    r"emoji|nickname).{0,200}",
    r"(?:added|removed) .{1,200} (?:to|from) the group\.",
    r"(?:left|joined|created) the group\.",
    r"(?:turned on|turned off) .{1,80}",
    r"(?:pinned|unpinned|unsent) a message\.?",
    r"created (?:a|the) (?:poll|group|reminder|plan)\b.{0,200}",
    r"(?:voted|changed (?:your|his|her|their) vote|responded) .{1,200}in the poll\.",
    r"waved at (?:you|each other|.{1,80})!?",
)
_ALONE = (
    r"The (?:video |audio )?(?:chat|call) (?:has )?ended\.",
    r"(?:Video|Audio) (?:chat|call) ended",
    r"This poll is no longer available\.",
    r"You are now connected on Messenger\.?",
    r"You can now (?:message|call) each other.{0,200}",
    r"Say hi to your new Facebook friend, .{1,80}",
    r"(?:Messages and calls are|This chat is) (?:now )?(?:secured|protected) with "
    r"end-to-end.{0,200}",
)
_NAMELESS = re.compile(rf"{'|'.join((*_REACTED, *_ALONE, 'liked a message'))}", re.IGNORECASE)
_AFTER_NAME = re.compile("|".join((*_REACTED, *_HAPPENED)))
_SENT = re.compile(
    r".{0,80}?(?:sent (?:an attachment|a (?:photo|video|GIF|sticker|voice message|link|"
    r"live location|location)|\d{1,3} (?:photos|videos))"
    r"|shared a (?:post|story|reel|link|photo|location)"
    r"|hat einen Anhang gesendet|hast einen Anhang gesendet|a envoyé une pièce jointe"
    r"|envió un (?:archivo )?adjunto|enviou um anexo|ha inviato un allegato"
    r"|heeft een bijlage verzonden|wysłał(?:\(a\)|a)? załącznik|mengirim lampiran"
    r"|が添付ファイルを送信しました|傳送了附件|发送了附件)[.。]",
)


def is_notice(text: str, kind: str, sender: str) -> bool:
    """Whether a message reports what happened; ``kind`` is its ``type`` where it has one.

    "Maya left the group." is one where Maya sent it, and her own words where Budi did.
    """
    if kind in _NOTICE_TYPES:
        return True
    if len(text) > 400:
        return False
    told = _without_name(text, sender)
    return bool(_NAMELESS.fullmatch(text) or (told and _AFTER_NAME.fullmatch(told)))


def is_about_media(text: str, sender: str, *, has_media: bool) -> bool:
    """Whether ``text`` only says that something was sent."""
    if len(text) > 200 or not _SENT.fullmatch(text):
        return False
    return has_media or _without_name(text, sender) is not None


def _without_name(text: str, sender: str) -> str | None:
    """What follows the sender's name, or "You", at the start of ``text``."""
    for name in (sender, sender.partition(" ")[0], "You", "Du"):
        if name and text.startswith(name):
            return text[len(name) :].lstrip()
    return None
