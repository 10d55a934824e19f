"""What a question asks for, whether it can be asked again on its own, and what an answer names."""

from __future__ import annotations

import re

from ingest.terms import terms
from trainer.card.wording import tokens, weight

QUESTION, UNSPACED_QUESTION = (8, 160), (4, 60)
"""Characters a question has, where a script writes spaces and where it does not."""
FEWEST_TERMS = 3
LONGEST_NAME = 24
ASKS = re.compile(
    r"\b(?:who|whose|whom|where|when|which|what|how (?:many|much|old|long|far|often|tall|big)"
    r"|siapa|mana|kapan|berapa|кто|где|когда|сколько|какой|какая|wer|wo|wann|welche[rsnm]?"
    r"|wie ?viele?|où|quand|combien|quel(?:le)?s?|quién|dónde|cuándo|cuánt[oa]s?|cuál)\b[^?\n]*\?"
    r"|(?:谁|誰|何[人处時时方]|哪|几|幾|多少|什么|甚么|姓|名字|どこ|いつ|どの|なに|何|いくら"
    r"|누구|어디|언제|얼마|무슨|من|أين|متى|كم|ใคร|ที่ไหน|เมื่อไหร่|กี่)[^?？؟\n]*(?:[?？؟]|$)",
    re.IGNORECASE,
)
"""Questions for somebody, something, a place, a time or a number, in one of many languages."""
_LEANS = re.compile(
    r"^(?:and|so|but|or|huh|oh|then|because|also|ok(?:ay)?|yes|no|yeah)\b"
    r"|\b(?:he|she|they|him|her|them|his|their|those|these|this|that|here|there|ones?|one's)\b"
    r"|\bis it\b|'s it\b"
    r"|what(?:'s| is| are| do| did|'re)?(?: you)? (?:up|going on|wrong|mean|think|say|saying|doing"
    r"|do|want|talking|happened|happening|matter)\b|what about|what if|^what\?|the matter|how about"
    r"|^(?:这|那|此|为何|怎么)|(?:这|那)(?:个|里|厮|些|等)|[他她它]|何(?:故|事|以|干|必|不|妨|等|意)|怎么样"
    r"|(?:什么|甚么)(?:意思|事|话|说)|(?:说|干|做|怕|笑|哭|嚷|要)(?:什么|甚么)",
    re.IGNORECASE,
)
"""Questions that lean on what was said before them, or ask for nothing in particular."""
MARKED = re.compile(r"https?://|www\.|```|\[\w+\b[^\]]*\]|^>|[{}\\$^⊗<>=|]", re.MULTILINE)
_CALLS = "叫做|叫作|叫|唤做|唤作|名叫|名唤"
_CAPITALISED = r"[A-Z][\w'’]*[a-z][\w'’]*(?:[ -][A-Z][\w'’]*[a-z][\w'’]*)*"
_NAME = re.compile(
    rf"\b{_CAPITALISED}\b|\b[A-Za-z]+[a-z][A-Z]\w*\b|\b[A-Z]{{3,}}\d*\b|\b\w+(?:[._]\w{{2,}})+\b"
    r"|(?<![А-ЯЁа-яё])[А-ЯЁ][а-яё]{2,}|[«“「『《][^»”」』》\n]{2,12}[»”」』》]"
    rf"|(?:{_CALLS})[\u4e00-\u9fff]{{2,4}}(?![\u4e00-\u9fff])"
)
_CALLED = re.compile(rf"^(?:{_CALLS})")
_SENTENCE = re.compile("[，。！？、：；?!]")
_FORMULA = re.compile(r"\d\w*_|_\w*\d|\.\w{2,4}$")
_DRAWN_OUT = re.compile(r"(\w)\1\1")
NUMBER = re.compile(
    r"(?<![\w.])\d[\d.,:]*\d(?![\w%])"
    r"|[一二三四五六七八九十百千万两]{2,}(?=[年月日岁歲个里斤两人斤尺丈次余名位])"
)
ASKS_ABOUT = re.compile(
    rf"^(?i:who|what|where|when)(?:'s| is| are| was| were| does| did)\b[^,]*(?<=[a-z] )"
    rf"(?P<name>{_CAPITALISED})[^,]*\?$"
)
REMINDERS = {
    "en": "what was it you said about {}?",
    "zh": "你上次说{}什么来着？",
    "ja": "{}のこと、何て言ってたっけ？",
    "ko": "{} 얘기 뭐라고 했었지?",
    "id": "waktu itu kamu bilang apa soal {}?",
    "ar": "شو قلت عن {}؟",
    "es": "¿qué dijiste de {}?",
    "de": "was hattest du über {} gesagt?",
    "fr": "tu disais quoi sur {} ?",
    "ru": "что ты говорил про {}?",
}
PROSE = re.compile(r"[\w '’,.?!-]{8,90}")


def names_in(text: str) -> list[str]:
    """Names and numbers in a text, each once."""
    found = [
        _CALLED.sub("", each[0]).strip("«»“”「」『』《》.,:'’")
        for each in (*_NAME.finditer(text), *NUMBER.finditer(text))
    ]
    return list(dict.fromkeys(each for each in found if _is_name(each)))


def _is_name(text: str) -> bool:
    """Not a drawn-out cry, a sentence between quotation marks or a file or a torn formula."""
    is_torn = bool(_DRAWN_OUT.search(text) or _SENTENCE.search(text) or _FORMULA.search(text))
    return 1 < len(text) <= LONGEST_NAME and not is_torn


def stands_alone(text: str) -> bool:
    """Whether a question can be understood without what was said before it."""
    least, most = QUESTION if is_spaced(text) else UNSPACED_QUESTION
    return (
        least <= len(text) <= most
        and not MARKED.search(text)
        and not _LEANS.search(text)
        and len(set(terms(text))) >= FEWEST_TERMS
        and "\n" not in text.strip()
    )


def is_spaced(text: str) -> bool:
    """Whether the script writes spaces between words."""
    return all(weight(token) == 1 for token in tokens(text))
