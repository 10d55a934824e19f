"""Who @self is, as the archive shows it: languages, habits, and the head of every prompt."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import TYPE_CHECKING

from ingest.chat import Message
from ingest.clean import is_noise, is_unlearnable
from ingest.prompt import SELF, neutralise
from ingest.terms import terms

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LANGUAGE_NAMES = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "th": "Thai",
    "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
SAMPLE_CHARACTERS = 240
"""Enough text for a language to be told; single chat lines are not."""
MIN_SHARE = 0.04
SAMPLE_MESSAGES = 20_000
"""Habits are settled long before; more of the archive changes nothing but the time."""
WORDS = 8
HAN_WEIGHT = 3
"""A Han character says about as much as three Latin ones."""
_HAN = re.compile("[\u3400-\u9fff]")
_HAN_RUN = re.compile("[\u3400-\u9fff]+")
_KANA = re.compile("[\u3040-\u30ff]")
_MARKUP = re.compile(r"\[[a-z]+\b[^\]]*\]|https?://\S+|@[\w-]+")


@dataclass(frozen=True, slots=True)
class Persona:
    """What is known of @self: shares of languages, characters a message, messages a burst."""

    name: str
    chat: str
    languages: Mapping[str, float]
    typical_characters: int
    typical_burst: float
    words: tuple[str, ...] = ()


def languages_of(texts: Iterable[str]) -> dict[str, float]:
    """Share of each language (ISO 639-1) by amount of text, largest first; small ones dropped."""
    identifier = _identifier()
    weights: Counter[str] = Counter()
    for sample in _samples(texts):
        weight = HAN_WEIGHT if _HAN.search(sample) else 1
        weights[identifier.classify(sample)[0]] += len(sample) * weight
    total = sum(weights.values()) or 1
    shares = {code: weight / total for code, weight in weights.most_common()}
    return {code: round(share, 3) for code, share in shares.items() if share >= MIN_SHARE}


@cache
def _identifier() -> LanguageIdentifier:
    """The model of languages; half a second to unpack."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(sorted(LANGUAGE_NAMES))
    return identifier


def _samples(texts: Iterable[str]) -> Iterable[str]:
    """Texts of one script run together until they are long enough to tell the language."""
    pools: dict[str, str] = {"han": "", "kana": "", "other": ""}
    for text in texts:
        text = _MARKUP.sub(" ", text).strip()
        script = "kana" if _KANA.search(text) else "han" if _HAN.search(text) else "other"
        pools[script] += text + "\n"
        if len(pools[script]) >= SAMPLE_CHARACTERS:
            yield pools[script]
            pools[script] = ""
    yield from (pool for pool in pools.values() if pool.strip())


def describe(messages: Iterable[Message], *, name: str, chat: str) -> Persona:
    """Read @self's habits off messages in order (others' serve as the contrast)."""
    mine: list[str] = []
    own_phrases: Counter[str] = Counter()
    other_phrases: Counter[str] = Counter()
    bursts, was_self = 0, False
    for message in messages:
        if is_noise(message) is not None:
            continue
        text = _MARKUP.sub(" ", message.text)
        if message.person.is_self and is_unlearnable(message) is None:
            mine.append(text)
            bursts += not was_self
            own_phrases.update(_phrases(text))
        elif not message.person.is_self:
            other_phrases.update(_phrases(text))
        was_self = message.person.is_self
    return Persona(
        name=name,
        chat=chat,
        languages=languages_of(mine),
        typical_characters=round(median(map(len, mine))) if mine else 0,
        typical_burst=round(len(mine) / bursts, 1) if bursts else 1.0,
        words=tuple(_distinctive(own_phrases, other_phrases, len(mine))),
    )


def _distinctive(own: Counter[str], others: Counter[str], messages: int) -> list[str]:
    """Phrases @self uses far more than others do: weighted log-odds, none inside another."""
    total_own, total_others = sum(own.values()) + 1, sum(others.values()) + 1

    def weight(phrase: str) -> float:
        odds = math.log((own[phrase] / total_own) / ((others[phrase] + 0.5) / total_others))
        return odds * math.sqrt(own[phrase])

    floor = max(4, messages // 400)
    usual = (phrase for phrase, count in own.items() if count >= floor)
    chosen: list[str] = []
    for phrase in sorted(usual, key=lambda phrase: (-weight(phrase), phrase)):
        if weight(phrase) <= 1 or len(chosen) == WORDS:
            break
        whole = _longest(phrase, own)
        if not any(whole in other or other in whole for other in chosen):
            chosen.append(whole)
    return chosen


def _longest(phrase: str, counts: Counter[str]) -> str:
    """The longer phrase that ``phrase`` is nearly always part of: 试看 → 试试看."""
    wider = [other for other in counts if phrase in other and counts[other] > 0.7 * counts[phrase]]
    return max(wider, key=len) if not phrase.isascii() else phrase


def _phrases(text: str) -> set[str]:
    """What may be a habit of speech: words, and runs of two to four Han characters."""
    words = {word for word in terms(text) if word.isascii() and word.isalpha() and len(word) > 2}
    for run in _HAN_RUN.findall(text):
        words.update(run[i : i + size] for size in (2, 3, 4) for i in range(len(run) - size + 1))
    return words


_WHERE = " in the group chat “"


def head_text(persona: Persona, card: str = "") -> str:
    """The fixed system prompt: who @self is, where, how to reply; plus the user's ``card``."""
    name, chat = _one_line(persona.name), _one_line(persona.chat)
    who = "@self" if name.casefold() == SELF else f"{name}, written @self,"
    lines = [
        f"You are {who}{_WHERE}{chat}”.",
        "Every line starts with its writer's @handle. Reply only as @self, the way @self writes; "
        "never write for others.",
        f"[memory] shows things said earlier: use what fits, ignore the rest. {_habits(persona)}",
    ]
    return "\n".join([*lines, *(neutralise(line) for line in card.splitlines() if line.strip())])


def is_written_for(head: str, chat: str) -> bool:
    """Whether a head names this chat as the one it is for."""
    return head.partition("\n")[0].endswith(f"{_WHERE}{_one_line(chat)}”.")


def elsewhere(head: str) -> str:
    """The head for another chat than it was written for, whose title is not for others."""
    first, line_break, rest = head.partition("\n")
    before, found, _title = first.partition(_WHERE)
    return f"{before} in a group chat.{line_break}{rest}" if found else head


def _habits(persona: Persona) -> str:
    languages = [LANGUAGE_NAMES.get(code, code) for code in persona.languages]
    size = persona.typical_characters
    style = f"@self writes {', '.join(languages) or 'briefly'}, about {size} characters a message"
    if persona.typical_burst >= 1.3:
        style += f", {persona.typical_burst:g} messages at a time"
    return f"{style}; often says: {', '.join(persona.words)}." if persona.words else f"{style}."


def _one_line(text: str) -> str:
    return neutralise(text).replace("\n", " ").strip()[:80]
