"""Which of the few languages that the bot's own notices are written in a chat speaks."""

from __future__ import annotations

import re
from collections.abc import Iterable

DEFAULT = "en"
_KANA = re.compile("[\u3040-\u30ff]")
_HAN = re.compile("[\u3400-\u9fff]")
_LATIN = re.compile("[A-Za-z]{2,}")
# Words that no Indonesian or Malay chat does without, and that hardly stand in other languages.
_INDONESIAN = frozenset(re.findall(r"\w+", """
yang tidak gak nggak ngga enggak aku kamu saya gue lu itu ini dan dengan untuk sudah udah belum bisa
juga banget dong sih deh kok aja saja apa siapa kalau kalo nanti besok mau tadi terima kasih iya
"""))  # fmt: skip
_SHARE = 0.15
"""Of a chat's words that are such words: in chats it is a fifth and more."""


def language_of(texts: Iterable[str]) -> str:
    """``zh``, ``ja``, ``id`` or ``en``, whichever most of the texts are in; English for others."""
    text = "\n".join(texts)
    kana, han = len(_KANA.findall(text)), len(_HAN.findall(text))
    words = [word.casefold() for word in _LATIN.findall(text)]
    if 3 * (kana + han) > 2 * len(words) and kana + han:  # a Latin word is some three characters
        return "ja" if kana > 0.2 * han else "zh"
    known = sum(word in _INDONESIAN for word in words)
    return "id" if words and known >= _SHARE * len(words) else DEFAULT
