"""Secrets become placeholders; what only looks like one stays."""

from __future__ import annotations

from collections import Counter

import pytest

from ingest.redact import redact

TELEGRAM_TOKEN = f"12345678:{'aB3' * 11}xy"


def after(text: str) -> str:
    """``text`` without its secrets."""
    return redact(text, Counter())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail kevin.b+x@mail.example.org today", "mail [email] today"),
        ("(anna@example.org)", "([email])"),
        ("call +44 20 7946 0958.", "call [phone]."),
        ("call +62 812-3456-7890!", "call [phone]!"),
        ("+1 (415) 5552671", "[phone]"),
        ("我的电话13812345678谢谢", "我的电话[phone]谢谢"),
        ("打13812345678。", "打[phone]。"),
        ("card 4111 1111 1111 1111.", "card [card]."),
        ("4111-1111-1111-1111", "[card]"),
        ("卡号5500005555555559，密码", "卡号[card]，密码"),
        ("378282246310005", "[card]"),
        (f"token {'ghp_' + 'a1B2' * 9}", "token [token]"),
        (f"密钥sk-{'a1B2' * 8}用完了", "密钥[token]用完了"),
        (f"bot {TELEGRAM_TOKEN}", "bot [token]"),
        ("jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl", "jwt [token]"),
        ("AKIAIOSFODNN7EXAMPLE1", "[token]"),
        ("ssh://bob:hunter2@server/x", "ssh://[password]@server/x"),
        ("two: a@b.co, c@d.co", "two: [email], [email]"),
    ],
)
def test_a_secret_becomes_a_placeholder(text: str, left: str) -> None:
    assert after(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112 has a wrong check digit",
        "order 12345678901",
        "3.14159265358979",
        "2025-09-03 12:30:45",
        "@bob at 5",
        "f(x)@y",
        "10.20.30.40",
        "1234567",
        "+1 for noodles",
        "a skateboard",
        "pk一下这个问题我觉得还是有点意思的哈哈哈哈哈",
        "see https://example.org/a:b",
        "13812345678.5 is a number",
        "v1.13812345678",
        "一共13个人，9点到",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert after(text) == text


def test_placeholders_are_counted_by_kind_and_never_redacted_again() -> None:
    counts: Counter[str] = Counter()
    once = redact("a@b.co +62 812-3456-7890 c@d.co 4111111111111112", counts)
    assert counts == {"email": 2, "phone": 1}
    assert redact(once, counts) == once
    assert counts.total() == 3
