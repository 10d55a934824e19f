"""Secrets in text become typed placeholders before they can be learned.

This covers what has a shape of its own: mail addresses, card numbers (with a valid check digit),
phone numbers, access tokens and passwords in links. Words of other scripts may touch them, as in
电话13812345678: hence ``re.ASCII``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("password", re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)")),
    (
        "token",
        re.compile(
            r"\b(?:sk|pk|ghp|gho|glpat|xox[abp]|AKIA|AIza)[-_]?[\w-]{16,}"
            r"|\b\d{8,10}:[\w-]{35}\b|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*",
            re.ASCII,
        ),
    ),
    ("card", re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w|\.\d)", re.ASCII)),
    (
        "phone",
        re.compile(
            r"(?<![\w.+])"
            r"(?:\+\d{1,3}[ -]?(?:\(\d{1,4}\)[ -]?)?\d(?:[ -]?\d){6,11}|1[3-9]\d{9})"
            r"(?!\w|\.\d)",
            re.ASCII,
        ),
    ),
)


def redact(text: str, counts: Counter[str]) -> str:
    """``text`` with each secret replaced by ``[email]``, ``[phone]``…; adds to ``counts``."""
    for kind, pattern in _RULES:
        text = pattern.sub(_placeholder(kind, counts), text)
    return text


def _placeholder(kind: str, counts: Counter[str]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        if kind == "card" and not _has_check_digit(match[0]):
            return match[0]
        counts[f"redacted {kind}"] += 1
        return f"[{kind}]"

    return replace


def _has_check_digit(number: str) -> bool:
    """The Luhn test (ISO/IEC 7812-1)."""
    digits = [int(char) for char in number if char.isdigit()][::-1]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
