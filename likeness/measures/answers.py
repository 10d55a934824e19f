"""Answers that can be right or wrong: facts said once, and things that were never said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingest.dataset.unknowing import language_of
from likeness.measured import Better
from likeness.measures.played import Parts
from likeness.measures.taken import Table, Taken
from trainer.card.wording import laughs, tokens

_CLAUSES = re.compile(r"[\n.!?。！？…;；,，]+")
_LOOSE = re.compile(
    r"\b(?:do(?:n['’]?t| not)|never|haven['’]?t|can['’]?t|not|no) "
    r"(?:really |even |actually |honestly )?"
    r"(?:know|heard|met|seen|sure|remember|recall|recogni[sz]e|idea|clue)\b|\bdunno\b|\bidk\b"
    r"|不(?:太)?(?:知道|认识|认得|清楚|晓得|曉得|認識|記得|记得)|没听(?:说|过)|沒聽|没见过|谁(?:啊|呀|是)|哪(?:个|位)"
    r"|知ら(?:ない|ん)|知りません|(?:わ|分)か(?:らない|りません|んない)|聞いたことない|誰(?:それ|です)"
    r"|몰라|모르|누구(?:야|지|세요)|들어본 적"
    r"|\b(?:gak|ga|nggak|ngga|gk|tidak|kurang|tak) (?:tau|tahu|kenal|ingat)\b|\bentah"
    r"|(?:ما|مش|مو|لا) ?(?:ا|أ)?(?:عرف|دري|عارف)"
    r"|\bno (?:lo |la )?(?:sé|conozco|recuerdo)\b|\bni idea\b"
    r"|\bkeine ahnung\b|\bwei(?:ß|ss) (?:ich )?(?:auch )?nicht\b|\bkenne? (?:ich )?(?:\w+ )?nicht\b"
    r"|\b(?:sais|connais) pas\b|\baucune idée\b"
    r"|не (?:знаю|слышал|помню|в курсе)|понятия|ไม่(?:รู้|ทราบ)|ใคร",
    re.IGNORECASE,
)
ASKED_BACK = 60
"""Characters up to which a reply of nothing but questions is taken for asking back."""
_ASKS = re.compile(r"[^.!。！\n]*[?？؟]\W*")


def facts(table: Table) -> list[Taken]:
    """The share of questions about facts whose reply holds what was said then."""
    sheet = table.sheet
    found = {
        name: [
            float(any(holds(parts, wanted) for wanted in scene.wanted))
            for parts, scene in zip(sheet.parts(name), sheet.scenes, strict=True)
        ]
        for name in sheet.said
    }
    note = "questions @self answered once; the reply holds the rare word or number of that answer"
    drawn = table.means(found, is_share=True)
    return [Taken("facts", "facts said once", Better.HIGHER, drawn, "%", note)]


def abstentions(table: Table) -> list[Taken]:
    """The share of questions about what was never mentioned at which nothing was claimed."""
    sheet = table.sheet
    found = {name: [float(abstains(each)) for each in sheet.parts(name)] for name in sheet.said}
    note = "asked about what nobody ever mentioned: says not to know, asks back, or claims nothing"
    drawn = table.means(found, is_share=True)
    return [
        Taken("abstention", "admits not to know", Better.HIGHER, drawn, "%", note, is_guard=True)
    ]


def holds(parts: Parts, wanted: str) -> bool:
    """Whether a reply says ``wanted``: the same words in a row, however they are spelled."""
    sought, said = tokens(wanted), tokens("\n".join(parts))
    return bool(sought) and any(
        said[i : i + len(sought)] == sought for i in range(len(said) - len(sought) + 1)
    )


def abstains(parts: Parts) -> bool:
    """Whether a reply claims nothing: says not to know, only asks back, or only laughs."""
    text = "\n".join(parts).strip()
    if not tokens(text) or language_of(text) or _LOOSE.search(text):
        return True
    clauses = [each.strip() for each in _CLAUSES.split(text) if each.strip()]
    return any(language_of(each) for each in clauses) or _only_asks(parts) or _only_laughs(text)


def _only_asks(parts: Sequence[str]) -> bool:
    return sum(map(len, parts)) <= ASKED_BACK and all(map(_ASKS.fullmatch, parts))


def _only_laughs(text: str) -> bool:
    return laughs(text) and len(tokens(text)) <= 2
