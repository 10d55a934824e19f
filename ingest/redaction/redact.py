"""Secrets in text become typed placeholders before they can be learned.

What has a shape of its own is found by the rules of :mod:`ingest.redaction.texts` (mail addresses,
tokens, passwords, seed phrases, street addresses) and :mod:`ingest.redaction.numbers` (cards,
accounts, identity numbers, phones). Only the span goes: "call +62 812-3456-7890!" → "call
[phone]!". A rule first looks for a cheap hint, so that ordinary lines cost little; no rule looks
inside a placeholder, so redacting twice changes nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.sections import Ingest

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """Finds one kind of secret; ``hint`` is a cheap test without which ``find`` is not asked.

    A rule that is not ``in_links`` leaves web addresses alone: digits there are ids of pages.
    """

    kind: str
    hint: re.Pattern[str]
    find: Callable[[str], Iterable[Span]]
    in_links: bool = False


_LINK = re.compile(r"(?:https?://|www\.)[!-~]+", re.ASCII)
_PLACEHOLDER = re.compile(r"\[[a-z]+\]")


class Redactor:
    """Redacts for people of certain regions: their national phone numbers are known by sight.

    ``regions`` are ISO 3166 codes such as ``ID``; numbers written with ``+`` and Chinese mobile
    numbers are found everywhere.
    """

    def __init__(self, regions: Sequence[str] = ()) -> None:
        self._rules = rules_for(tuple(regions))

    def __call__(self, text: str, counts: Counter[str], *, but: str = "") -> str:
        """``text`` with each secret as ``[email]``, ``[phone]``…; ``counts`` says how many.

        What stands in ``but`` as well is left alone.
        """
        for rule in self._rules:
            if rule.hint.search(text):
                spans = _apart(text, rule)
                if but:
                    spans = [span for span in spans if text[slice(*span)] not in but]
                if spans:
                    counts[rule.kind] += len(spans)
                    text = _replaced(text, spans, f"[{rule.kind}]")
        return text


def redact(text: str, counts: Counter[str], regions: Sequence[str] = ()) -> str:
    """``text`` with each secret replaced by ``[email]``, ``[phone]``…; adds to ``counts``."""
    return redactor(tuple(regions))(text, counts)


@cache
def redactor(regions: tuple[str, ...]) -> Redactor:
    """The redactor for these regions."""
    return Redactor(regions)


def redactor_for(settings: Ingest, languages: Iterable[str] = ()) -> Redactor:
    """The redactor for an archive: its regions as set, or those its zone and languages suggest."""
    from ingest.redaction.numbers import regions_of

    near = regions_of(settings.time_zone, tuple(languages))
    return redactor(tuple(settings.phone_regions or near))


@lru_cache(maxsize=16)
def rules_for(regions: tuple[str, ...]) -> tuple[Rule, ...]:
    """Every rule, in the order they are applied: what contains something else comes first."""
    from ingest.redaction.numbers import number_rules
    from ingest.redaction.texts import text_rules

    return (*text_rules(), *number_rules(regions))


def _apart(text: str, rule: Rule) -> list[Span]:
    """The spans of a rule, in order, none inside another, a placeholder or a link not meant."""
    closed = [found.span() for found in _PLACEHOLDER.finditer(text)] if "[" in text else []
    if not rule.in_links and ("://" in text or "www." in text):
        closed += [found.span() for found in _LINK.finditer(text)]
    spans: list[Span] = []
    for start, end in sorted(rule.find(text), key=lambda span: (span[0], -span[1])):
        is_free = all(end <= a or b <= start for a, b in closed)
        if is_free and (not spans or spans[-1][1] <= start):
            spans.append((start, end))
    return spans


def _replaced(text: str, spans: Sequence[Span], placeholder: str) -> str:
    parts, done = [], 0
    for start, end in spans:
        parts += [text[done:start], placeholder]
        done = end
    return "".join([*parts, text[done:]])
