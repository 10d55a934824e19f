"""What is seen of one message alone: its form, its words, whom it names.

Signs that hold in any language come first; the few word lists (questions, greetings, thanks, yes
and no) cover the languages of large chats and cost nothing in the others.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Iterable
from zlib import crc32


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"[^\W_]+")
_RUN_TOGETHER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LINK = re.compile(r"https?://|www\.")
_BOT = re.compile(r"bot\b|bot[_\d]|^ubot", re.IGNORECASE)
_ASKS = re.compile(r"[吗嗎呢么]|什么|怎么|为什么|哪|谁|ですか|까요")
_THANKS = re.compile("谢|謝|ありがと|고마|спасибо|شكرا")
_QUESTION = _set(
    "who what when where why how which whats hows wheres can could does do is are anyone anybody "
    "any has should would wie was wer wo warum como que donde quien pourquoi comment quoi "
    "как что где кто когда почему كيف ماذا أين"
)
_GREETING = _set(
    "hi hello hey hiya howdy morning evening yo greetings hallo hola salut bonjour ciao "
    "привет 你好 大家好 こんにちは مرحبا"
)
_THANK = _set("thanks thank thx ty tnx cheers danke gracias merci thankyou 3q")
_YES = _set("yes yep yeah yup ya sure ok okay right correct yea oui si ja да 是 对 好 嗯")
_NO = _set("no nope nah not nein non нет 不 没 不是")
_GOES_ON = _set("and but or so then also because 但 但是 而且 所以 因为 и но а")
_I = _set("i im ive my me 我")
_YOU = _set("you your youre u ur 你")
_LAUGH = re.compile(r":\)|:D|:P|\blol\b|haha|哈哈|😂|🤣|笑", re.IGNORECASE)
_ENDS_OPEN = (",", "-", "…", "...", ":", "，", "：")
_ENDS_FULL = (".", "!", "。", "！")
MAX_WORDS = 60
COUNT = 26
"""Numbers that :func:`signs` gives."""


def words(text: str) -> list[str]:
    """The words of ``text`` in lower case, at most MAX_WORDS; scripts without spaces in pairs."""
    found: list[str] = []
    for word in _WORD.findall(text[:1000].lower()):
        if _RUN_TOGETHER.match(word):
            found.extend(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        else:
            found.append(word)
        if len(found) >= MAX_WORDS:
            break
    return found[:MAX_WORDS]


def signs(text: str, said: list[str], *, is_bot: bool) -> list[float]:
    """What ``text`` with its words ``said`` looks like, as COUNT numbers."""
    first = said[0] if said else ""
    known = set(said)
    end = text.rstrip()
    few = len(said) < 8
    return [
        math.log1p(len(text)),
        math.log1p(len(said)),
        "?" in text or "？" in text,
        end.endswith(("?", "？")),
        bool(_LINK.search(text)),
        "!" in text or "！" in text,
        first in _QUESTION or bool(_ASKS.search(text)),
        few and bool(known & _GREETING),
        bool(known & _THANK) or bool(_THANKS.search(text)),
        first in _YES,
        first in _NO,
        first in _GOES_ON,
        bool(known & _I),
        bool(known & _YOU),
        text.startswith(("!", "/")),
        is_bot,
        "..." in text or "…" in text,
        text[:1].isupper(),
        text[:1].islower(),
        sum(map(str.isdigit, text)) / max(1, len(text)),
        bool(_LAUGH.search(text)),
        bool(known & _QUESTION),
        text[:1] in ("*", "^") and few,
        len(said) <= 2,
        end.endswith(_ENDS_OPEN),
        end.endswith(_ENDS_FULL),
    ]


def names_a_bot(name: str) -> bool:
    """Whether a name is one that bots have (``ubottu``, ``weather_bot``)."""
    return bool(_BOT.search(name))


def slot(word: str, size: int) -> tuple[int, int]:
    """Where a word goes in a hashed vector of ``size``, and with which sign."""
    number = crc32(word.encode("utf-8", "surrogatepass"))
    return number % size, 1 if number & 1 << 30 else -1


class Names:
    """The names people go by in a chat, and whom a text names by them; the latest bearer wins."""

    def __init__(self, limit: int = 20_000) -> None:
        self._limit = limit
        self._who: OrderedDict[str, int] = OrderedDict()
        self._unspaced: OrderedDict[str, int] = OrderedDict()

    def learn(self, who: int, names: Iterable[str]) -> None:
        """Person ``who`` goes by ``names``."""
        for name in names:
            for form in _forms(name):
                self._who[form] = who
                self._who.move_to_end(form)
                if _RUN_TOGETHER.match(form):
                    self._unspaced[form] = who
                    self._unspaced.move_to_end(form)
        for book, limit in ((self._who, self._limit), (self._unspaced, 50)):
            while len(book) > limit:
                book.popitem(last=False)

    def knows(self, word: str) -> int | None:
        """The person called ``word`` (lower case)."""
        return self._who.get(word)

    def addressed(self, text: str, by: int) -> list[tuple[int, int]]:
        """Whom ``text`` of person ``by`` names, strongest first: (person, strength).

        3 a name and a colon or comma open the text; 2 the name opens it, or has an @; 1 it is
        somewhere in the text.
        """
        found: dict[int, int] = {}
        tokens = text[:1000].split()[:MAX_WORDS]
        for place, token in enumerate(tokens):
            strength, who = self._token(token.lower(), place, tokens)
            if who is not None and who != by and strength > found.get(who, 0):
                found[who] = strength
        for name, who in self._unspaced.items():
            if who != by and who not in found and len(name) > 1 and name in text:
                found[who] = 1
        return sorted(found.items(), key=lambda pair: -pair[1])

    def _token(self, token: str, place: int, tokens: list[str]) -> tuple[int, int | None]:
        core = token.lstrip("@('\"<*«").rstrip(",:;.!?)('\"><…，。：、»")
        if not core:
            return 0, None
        is_opening = place == 0 and (
            token[-1] in ":,;>：，" or (len(tokens) > 1 and tokens[1] in (",", ":", "--", "->"))
        )
        has_at = token[0] == "@"
        who = self._who.get(token.rstrip(",:;"))
        if who is None:
            who = self._who.get(core)
        if who is None and is_opening and len(core) >= 3:
            who = self._only_one_starting(core)
        if len(core) < 3 and not (is_opening or has_at) and core.isascii():
            return 0, None
        return 3 if is_opening else 2 if has_at or place == 0 else 1, who

    def _only_one_starting(self, start: str) -> int | None:
        """The one person with a name that starts so: people shorten names when they address."""
        found = {who for name, who in self._who.items() if name.startswith(start)}
        return found.pop() if len(found) == 1 else None


def _forms(name: str) -> set[str]:
    low = name.lower().strip()
    forms = {low} if low else set()
    core = low.strip("_-|`^[]{}\\0123456789")
    if len(core) >= 3:
        forms.add(core)
    first = low.split(" ", 1)[0] if " " in low else ""
    if len(first) >= 3:
        forms.add(first)
    return forms
