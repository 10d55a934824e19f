"""Secrets made of digits: cards, bank accounts, identity numbers, phone numbers.

A number is taken for one only where its check digits hold (``python-stdnum``), where the numbering
plan of a region has it (``phonenumbers``), or where the words before it say so; the rest are dates,
prices, ids and hashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from zoneinfo import ZoneInfo

from ingest.redact import Rule, Span

_CARD = re.compile(
    r"(?<![\w.+-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{4}[ -]\d{6}[ -]\d{4,5}"
    r"|\d{13,19})(?!\w|[.,]\d)",
    re.ASCII,
)
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})$|(?:5[1-5]|2[2-7])\d{14}$|3[47]\d{13}$|3(?:0|6|8)\d{12}$"
    r"|35\d{14}$|6(?:011|4[4-9]|5)\d{12,15}$|62\d{14,17}$|(?:508|60|81|82)\d{14}$"
)
"""Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay, RuPay (ISO/IEC 7812)."""
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b", re.ASCII)

_BARE = r"(?<![\w.+/=#-])", r"(?![\w/]|[.,-]\d)"
_IDS: tuple[tuple[str, str], ...] = (
    ("cn.ric", r"[1-9]\d{16}[\dXx]"),
    ("id.nik", r"[1-9]\d{15}"),
    ("in_.aadhaar", r"[2-9]\d{3} \d{4} \d{4}"),
    ("kr.rrn", r"\d{6}-[1-8]\d{6}"),
    ("us.ssn", r"\d{3}-\d{2}-\d{4}"),
    ("br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    ("fr.nir", r"[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}"),
    ("it.codicefiscale", r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]"),
    ("es.dni", r"\d{8}-?[A-HJ-NP-TV-Z]"),
    ("es.nie", r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]"),
    ("fi.hetu", r"\d{6}[-+A]\d{3}[0-9A-Z]"),
)
"""Modules of stdnum and how people write their numbers, loosely; the module has the last word."""
_ID_WORD = re.compile(
    r"(?:身份证|身份證|身分證|证件号|護照|护照|学号|社保号|passport|social security|\bssn|\bnik"
    r"|\bktp|\bcpf|aadhaar|pesel|\bbsn|personnummer|national insurance|\bnino|tax id|steuer-?id"
    r"|driver'?s? licen[cs]e|주민등록|マイナンバー|паспорт)"
    r"(?:\s?(?:number|no\.?|#|号码?|號碼?|番号|번호))?"
    r"\s?(?:is|was|是|为|為|=|:|：)?\s?((?=[A-Z -]*\d)[A-Z0-9](?:[ -]?[A-Z0-9]){5,19})(?![\w])",
    re.IGNORECASE | re.ASCII,
)

_DIGITS = r"\d(?:[\s().–-]{0,3}\d){6,14}"
_INTERNATIONAL = re.compile(
    r"(?<![\w.+=*/^-])(?:\+|(?<!\d)00)[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){5,12}"
    r"(?!\w|[.,]\d|[*/^=])",
    re.ASCII,
)
_CHINESE_MOBILE = re.compile(
    r"(?<![\w.+/=#-])1[3-9]\d(?:[ -]?\d{4}){2}(?!\w|[.,]\d|[/=])", re.ASCII
)
_LINKED = re.compile(r"(?:wa\.me/|whatsapp\.com/send/?\?phone=|tel:)\+?(\d{8,15})", re.ASCII)
_PHONE_WORD = re.compile(
    r"(?:\btel|\bphone|\bcall\b|\bmobile|\bcell|\bwhats ?app|\bwa\b|\bhp\b|\bno\.? ?hp|\bsms\b"
    r"|\btext me|\bnomor|\bring\b|电话|電話|手机|手機|号码|號碼|微信|座机|携帯|連絡|전화|연락"
    r"|тел|номер|звон|هاتف|رقم)[^\d\n]{0,16}$",
    re.IGNORECASE,
)

_BOOK = re.compile(r"(?:ISBN|ISSN)(?:-1[03])?\W*$", re.IGNORECASE)
"""What makes 0-262-13393-8 no number of a phone."""


def number_rules(regions: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules of this module; ``regions`` are those whose national numbers are looked for."""
    many = re.compile(r"\d(?:[ -]?\d){12}", re.ASCII)
    phones = re.compile(_DIGITS, re.ASCII)
    identities = re.compile(r"\d(?:[ .-]?\d){5}|\d{2}[A-Z]\d{2}[A-Z]\d{3}", re.ASCII)
    return (
        Rule("iban", re.compile(r"[A-Z]{2}\d{2} ?[A-Z0-9]{4}"), _ibans),
        Rule("id", identities, _ids),
        Rule("card", many, _cards),
        Rule("phone", _LINKED, _linked_phones, in_links=True),
        Rule("phone", phones, lambda text: _phones(text, regions)),
    )


def regions_of(zone: str, languages: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Regions whose phone numbers an archive is likely to hold: by time zone, then by language.

    Only languages that point to few countries say anything; English does not.
    """
    by_language = (region for code in languages for region in _REGIONS.get(code, ()))
    return tuple(dict.fromkeys([*_zone_regions(zone), *by_language]))


_REGIONS = {
    "zh": ("CN", "TW", "HK"), "id": ("ID",), "ja": ("JP",), "ko": ("KR",), "de": ("DE",),
    "it": ("IT",), "pl": ("PL",), "th": ("TH",), "tr": ("TR",), "uk": ("UA",), "vi": ("VN",),
    "he": ("IL",), "hi": ("IN",), "ru": ("RU",), "fr": ("FR",),
}  # fmt: skip


@cache
def _zone_regions(zone: str) -> tuple[str, ...]:
    """The country of a time zone, as the tz database's ``zone.tab`` has it."""
    from importlib.resources import files

    ZoneInfo(zone)
    table = files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return tuple(row[0] for row in rows if row[2] == zone)


def _cards(text: str) -> Iterator[Span]:
    from stdnum import luhn

    for found in _CARD.finditer(text):
        start, end = found.span()
        for stop in (end, start + 19):  # a fifth group may be an expiry date
            number = re.sub(r"\D", "", text[start:stop])
            if _ISSUERS.match(number) and luhn.is_valid(number):
                yield start, stop
                break


def _ibans(text: str) -> Iterator[Span]:
    from stdnum import iban

    for found in _IBAN.finditer(text):
        pieces = found[0].split(" ")
        for count in range(len(pieces), 0, -1):  # words in capitals may follow
            written = " ".join(pieces[:count])
            if iban.is_valid(written):
                yield found.start(), found.start() + len(written)
                break


@cache
def _identities() -> tuple[tuple[Callable[[str], bool], re.Pattern[str]], ...]:
    from importlib import import_module

    before, after = _BARE
    return tuple(
        (
            import_module(f"stdnum.{name}").is_valid,
            re.compile(f"{before}{shape}{after}", re.ASCII),
        )
        for name, shape in _IDS
    )


def _ids(text: str) -> Iterator[Span]:
    for is_valid, shape in _identities():
        for found in shape.finditer(text):
            if is_valid(found[0]):
                yield found.span()
    for named in _ID_WORD.finditer(text):
        if sum(char.isdigit() for char in named[1]) >= 6:
            yield named.span(1)


def _linked_phones(text: str) -> Iterator[Span]:
    for found in _LINKED.finditer(text):
        yield found.span(1)


def _phones(text: str, regions: tuple[str, ...]) -> Iterator[Span]:
    for found in _CHINESE_MOBILE.finditer(text):
        yield found.span()
    for found in _INTERNATIONAL.finditer(text):
        if _is_possible(found[0]):
            yield found.span()
    for region in regions:
        yield from _national(text, region)


def _is_possible(written: str) -> bool:
    import phonenumbers

    plain = "+" + written[2:] if written.startswith("00") else written
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(plain))
    except phonenumbers.NumberParseException:
        return False


def _national(text: str, region: str) -> Iterator[Span]:
    """Numbers of one country's plan; a bare run of digits needs a word that says phone."""
    import phonenumbers

    leniency = phonenumbers.Leniency.VALID
    for found in phonenumbers.PhoneNumberMatcher(text, region, leniency=leniency, max_tries=64):
        written = found.raw_string
        before = text[: found.start]
        is_grouped = written.startswith(("0", "(")) and re.search(r"[ ()-]", written)
        if (is_grouped and not _BOOK.search(before)) or _PHONE_WORD.search(before):
            yield found.start, found.end
