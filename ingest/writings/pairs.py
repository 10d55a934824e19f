"""Questions and answers from @self's own writings, written by a model, kept only where supported.

    {"instruction": a question, "response": its answer, "context": the passage it rests on}

A model is asked for pairs about one passage at a time and its text is read leniently. A pair is
kept when the passage supports the answer: every number and every name of the answer stands in the
passage, nearly all its other words do, they stand close together, and it does not deny what the
passage says. That is stricter than true, on purpose: a small model invents, and what is learned
here is learned as fact.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.terms import terms
from ingest.windows import estimate_tokens

LEAST_SUPPORT = 0.8
"""Share of an answer's words that must stand in its passage."""
LEAST_TOKENS = 40
"""Shorter passages give nothing to ask about."""
MOST_CLAUSES = 6
"""An answer put together from farther apart is the model's own."""
MOST_REPEATED = 0.9
"""A question that shares this much with its answer gives the answer away."""

LEAD = "Q:"
"""What the first line of an answer begins with; a small model goes on from there."""
_FORM = """\
{order}

{text_label}:
{example}

Q: {question}
A: {answer}
Q: {other_question}
A: {other_answer}
"""
_ENGLISH = _FORM.format(
    order="Questions about a text, each with a short answer in the words of the text.",
    text_label="Text",
    example="Our garden has two apple trees. My grandfather planted them in 1961, the year my "
    "mother was born.",
    question="When were the apple trees planted?",
    answer="My grandfather planted them in 1961, the year my mother was born.",
    other_question="How many apple trees are in the garden?",
    other_answer="Our garden has two apple trees.",
)
_CHINESE = _FORM.format(
    order="根据文字提问，每个问题用文字里的原话简短回答。",
    text_label="文字",
    example="院子里有两棵苹果树，是外公在 1961 年种下的，那年我妈妈出生。",
    question="苹果树是谁种的？",
    answer="是外公在 1961 年种下的。",
    other_question="院子里有几棵苹果树？",
    other_answer="院子里有两棵苹果树。",
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_MARK = r"^[ \t>*#\d.)]*(?:{names})\d*[*]*[ \t]*[:：][*]*[ \t]*(?P<{group}>\S[^\n]*)"
_PAIR = re.compile(
    _MARK.format(names="Q|Question|问题?|問題?|質問|سؤال|س|Pertanyaan", group="question")
    + r"\n+"
    + _MARK.format(names="A|Answer|答案?|回答|جواب|ج|Jawaban", group="answer").removeprefix("^"),
    re.MULTILINE | re.IGNORECASE,
)
_ASKS = re.compile(
    r"[?？؟]\s*$|^(?:what|who|whom|whose|when|where|which|why|how|is|are|was|were|do|does|did|can)\b"
    r"|什么|为什么|怎么|怎样|哪|谁|几|多少|何时|是否|吗|呢|どう|なぜ|何|いつ|誰|どこ",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][\w'’-]+")
_WORD = re.compile(r"[\w'’-]+")
_DENIAL = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|without|neither|nor|cannot|tidak|bukan|belum|jangan)\b"
    r"|n['’]t\b|[不没沒未非莫勿]|ない|ません|\b(?:لا|لم|لن|ليس)\b",
    re.IGNORECASE,
)
_EMPTY_WORDS = frozenset(
    [
        "what",
        "when",
        "where",
        "which",
        "whose",
        "does",
        "have",
        "with",
        "that",
        "this",
        "from",
        "there",
    ]
)
_CLAUSE = re.compile(r"(?<=[,;.!?])\s+|(?<=[，；。！？、：])|\n+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A question about a passage, and an answer the passage supports."""

    question: str
    answer: str
    passage: str

    def to_json(self) -> dict[str, str]:
        """As it is stored and as trainers of instructions read it."""
        return {"instruction": self.question, "response": self.answer, "context": self.passage}


@dataclass
class Tally:
    """How many pairs were kept, and why the others were not."""

    passages: int = 0
    kept: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Sieve:
    """Keeps the supported pairs; one that asks what was asked before is none."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._asked: set[str] = set()
        self._answered: set[tuple[str, str]] = set()

    def pairs(self, passage: str, written: str) -> Iterator[Pair]:
        """The pairs to keep of what a model wrote about ``passage``."""
        self.tally.passages += 1
        for question, answer in read_pairs(written):
            key, fact = " ".join(terms(question)), (passage, " ".join(terms(answer)))
            reason = "asked before" if key in self._asked else None
            reason = reason or ("answered before" if fact in self._answered else None)
            reason = reason or why_refused(question, answer, passage)
            if reason:
                self.tally.refused[reason] += 1
                continue
            self._asked.add(key)
            self._answered.add(fact)
            self.tally.kept += 1
            yield Pair(question, answer, passage)


def is_worth_asking(passage: str) -> bool:
    """Whether a passage says enough to be asked about."""
    return estimate_tokens(passage) >= LEAST_TOKENS


def request(passage: str, count: int) -> tuple[str, str]:
    """Instructions with an example, and what a model is asked about a passage."""
    if len(_HAN.findall(passage)) * 4 > len(passage):
        return _CHINESE, f"文字:\n{passage}\n\n写 {count} 个问题和回答。\n"
    return _ENGLISH, f"Text:\n{passage}\n\nWrite {count} questions with their answers.\n"


def read_pairs(text: str) -> list[tuple[str, str]]:
    """The questions and answers in what a model wrote, however it laid them out."""
    return [(_bare(pair["question"]), _bare(pair["answer"])) for pair in _PAIR.finditer(text)]


def why_refused(question: str, answer: str, passage: str) -> str | None:
    """Why a pair is not kept, or None where the passage supports its answer."""
    if not _ASKS.search(question):
        return "not a question"
    words, known = list(terms(answer)), set(terms(passage))
    if not words or not _is_about(question, passage):
        return "not about the passage"
    if not (
        _numbers(answer) <= _numbers(passage) and _names(answer) <= set(_WORD.findall(passage))
    ):
        return "a number or name that is not in the passage"
    if sum(word in known for word in words) < LEAST_SUPPORT * len(words):
        return "not in the passage"
    if _overlap(question, answer) > MOST_REPEATED:
        return "repeats the question"
    source = _nearest(answer, passage)
    near = set(terms(source))
    if sum(word in near for word in words) < LEAST_SUPPORT * len(words):
        return "put together from far apart"
    if _denies(answer) != _denies(source):
        return "denies what the passage says"
    return None


def _nearest(answer: str, passage: str) -> str:
    """The clauses in a row that share the most words with the answer, as few as that takes.

    What an answer leaves out may be a "not", and what stands in the next clause is not denied here.
    """
    wanted = set(terms(answer))
    clauses = [part for part in _CLAUSE.split(passage) if part.strip()]
    runs = (
        " ".join(clauses[start:end])
        for start in range(len(clauses))
        for end in range(start + 1, min(start + MOST_CLAUSES, len(clauses)) + 1)
    )
    return max(runs, key=lambda run: (len(wanted & set(terms(run))), -len(run)), default="")


def _denies(text: str) -> bool:
    return len(_DENIAL.findall(text)) % 2 == 1


def _names(text: str) -> set[str]:
    """Words with a capital letter that no sentence begins with."""
    return set(_NAME.findall(text))


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(unicodedata.normalize("NFKC", text)))


def _is_about(question: str, passage: str) -> bool:
    """Whether a word that means something begins as one of the passage: ``card`` and ``cards``."""
    telling = [
        word
        for word in terms(question)
        if not word.isascii() or (len(word) > 3 and word not in _EMPTY_WORDS)
    ]
    telling += [name.casefold() for name in _names(question)]
    return not {word[:4] for word in telling}.isdisjoint(word[:4] for word in terms(passage))


def _overlap(question: str, answer: str) -> float:
    asked, said = set(terms(question)), set(terms(answer))
    return len(asked & said) / max(len(said), 1) if len(said) > 1 else 0.0


def _bare(text: str) -> str:
    return text.strip().strip('*"“”').strip()
