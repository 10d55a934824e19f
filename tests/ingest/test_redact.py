"""Secrets become placeholders; what only looks like one stays."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.redact import redact
from ingest.secret_numbers import regions_of

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


SEED = "legal winner thank year wave sausage worth useful legal winner thank yellow"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("card 4111 1111 1111 1111 12/27", "card [card] 12/27"),
        ("银联6200000000000005。", "银联[card]。"),
        ("pay to GB82 WEST 1234 5698 7654 32 PLEASE", "pay to [iban] PLEASE"),
        ("DE89370400440532013000", "[iban]"),
        ("身份证11010519491231002X的", "身份证[id]的"),
        ("ssn 536-90-4399", "ssn [id]"),
        ("my passport number is E12345678", "my passport number is [id]"),
        ("护照号：E12345678", "护照号：[id]"),
        ("cpf 390.533.447-05 ok", "cpf [id] ok"),
        ("密码：hunter2024!", "密码：[password]"),
        ("the password is hunter2", "the password is [password]"),
        ("验证码 493021，五分钟内有效", "验证码 [password]，五分钟内有效"),
        (
            "https://meet.example.org/j/1?pwd=aBcDeF123",
            "https://meet.example.org/j/1?pwd=[password]",
        ),
        (f"keep it: {SEED}!", "keep it: [seed]!"),
        (f"here\n{PEM}\nthere", "here\n[token]\nthere"),
        (f"glpat-{'a1B2' * 5}", "[token]"),
        (f"xoxb-1234567890-{'a1b2' * 6}", "[token]"),
        (f"sk-{'aB1' * 7}T3BlbkFJ{'cD2' * 7}", "[token]"),
        (f"api key = {'q7W8' * 8}", "api key = [token]"),
        ("我住在上海市徐汇区漕溪北路595号3幢1201室，来玩", "我住在[address]，来玩"),
        ("文三路 90 号见", "[address]见"),
        ("東京都渋谷区神南1丁目2-3に集合", "[address]に集合"),
        ("I live at 221B Baker Street, London NW1 6XE.", "I live at [address]."),
        ("12 N Elm Street, Springfield, IL 62704", "[address]"),
        ("Torstraße 140, 10119 Berlin", "[address]"),
        ("kos di Jl. Sudirman No. 5 ya", "kos di [address] ya"),
        ("12 rue de Rivoli", "[address]"),
        ("ул. Ленина, д. 5", "[address]"),
        ("https://wa.me/6281234567890", "https://wa.me/[phone]"),
        ("电话138 1234 5678", "电话[phone]"),
        ("0062 812 3456 7890", "[phone]"),
    ],
)
def test_more_kinds_of_secrets_become_placeholders(text: str, left: str) -> None:
    found = after(text)
    assert found == left
    assert after(found) == found


@pytest.mark.parametrize(
    ("region", "text"),
    [
        ("ID", "wa 081234567890"),
        ("ID", "0812-3456-7890"),
        ("DE", "030 901820"),
        ("US", "call me at 415-555-2671"),
        ("US", "(415) 555-2671"),
        ("GB", "020 7946 0958"),
        ("JP", "電話 03-3224-9999"),
        ("TW", "手機0912-345-678"),
    ],
)
def test_national_numbers_are_known_in_their_region(region: str, text: str) -> None:
    assert "[phone]" in redact(text, Counter(), (region,))
    assert redact(text, Counter()) == text


@pytest.mark.parametrize("region", ["ID", "DE", "US", "GB", "JP", "CN"])
@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 12:30:45",
        "01.03.2026",
        "order 4155552671",
        "12,345,678,901",
        "192.168.100.200",
        "3.141592653589793",
        "1519660926",
        "$1,000,000 - 2,000,000",
        "0.1234567890",
        "x = 0000000000",
        "ISBN 978-3-16-148410-0",
        "MIT Press (2001) ISBN 0-262-13393-8",
        "https://example.org/status/1519660926123456789",
    ],
)
def test_no_region_takes_an_innocent_number_for_a_phone(region: str, text: str) -> None:
    assert redact(text, Counter(), (region,)) == text


def test_regions_follow_zone_and_language() -> None:
    assert regions_of("Asia/Jakarta") == ("ID",)
    assert regions_of("UTC") == ()
    assert regions_of("Asia/Shanghai", ("zh", "en")) == ("CN", "TW", "HK")


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.text(st.sampled_from("0123456789 -+()@.:/aZ号路密码[]#") | st.characters(), max_size=60))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text, Counter(), ("ID", "US"))
    counts: Counter[str] = Counter()
    assert redact(once, counts, ("ID", "US")) == once
    assert not counts


@pytest.mark.parametrize(
    "text",
    [
        "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0 is the commit",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "git@example.org:me/repo.git",
        "with@monotone.ge_of_tendsto",
        "1600000000123 ms",
        "<@!123456789012345678> hi",
        "id 4111111111111111111 of a message",
        "the password: what was it?",
        "password is wrong",
        "密码是什么",
        "坐2号线到3号楼，1号出口",
        "一路走到12号",
        "I ate 12 Big Macs on Sunday",
        "3 Main points",
        "via email 5 times",
        "in 2024 we had the place to ourselves",
        "a happy little dog can run under some very long old stone walls every day",
        "GB2312 编码",
        "100-200-3000",
        "¥13800138000000",
        "skill-level-over-9000-is-a-lot",
        "https://example.org/p/13812345678/4111111111111111",
    ],
)
def test_what_looks_like_a_secret_to_a_machine_alone_stays(text: str) -> None:
    assert after(text) == text


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
