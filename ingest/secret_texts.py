"""Secrets made of words and signs: mail addresses, tokens, passwords, seeds, street addresses.

The shapes of access tokens are those of ``detect-secrets`` (Yelp); seed phrases are checked with
``mnemonic`` (BIP-39), mail addresses with ``email-validator``. Words of other scripts may touch a
secret, as in 邮箱bob@qq.com: hence ``re.ASCII``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from ingest.redact import Rule, Span

if TYPE_CHECKING:
    from mnemonic import Mnemonic

_EMAIL = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z][a-z0-9-]*[a-z](?!\w)", re.ASCII | re.IGNORECASE
)
_NOT_MAIL = frozenset({"git", "hg", "ssh"})
"""``git@host:path`` is where code lies, not a mailbox."""

_PASSWORD_WORD = (
    r"(?:pass(?:word|wd|code|phrase)|\bpwd?|密码|密碼|口令|パスワード|비밀번호|пароль"
    r"|kata sandi|contraseña|mot de passe|passwort|\bsenha)"
)
_PASSWORDS = (
    re.compile(r"://([^\s/@:]+:[^\s/@]+)@", re.ASCII),
    re.compile(rf"{_PASSWORD_WORD}\s*[=:：]\s*[\"'“]?([!-~]{{6,64}})", re.IGNORECASE),
    re.compile(
        rf"{_PASSWORD_WORD}\s*(?:is|是|为|為|adalah)\s*[:：]?\s*[\"'“]?((?=[!-~]*\d)[!-~]{{4,64}})",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:验证码|驗證碼|校验码|認証コード|인증번호|verification code"
        r"|one[- ]time (?:code|password)|\botp|kode (?:otp|verifikasi))"
        r"[^\d\n]{0,12}(?<![\d.])(\d{4,8})(?![\d.]\d|\d)",
        re.IGNORECASE,
    ),
    re.compile(
        r"[?&](?:access_?token|auth_?token|token|api_?key|sig|signature|secret|passw(?:or)?d|pwd|pw)="
        r"([^&\s#]{6,})",
        re.IGNORECASE,
    ),
)
_TOKENS = (
    re.compile(
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
        r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
    ),
    re.compile(
        r"\b(?:sk|pk|rk)[-_](?=[\w-]*\d)[\w-]{16,}|\bAKIA[0-9A-Z]{16,}|\bAIza[\w-]{30,}"
        r"|\bgithub_pat_\w{22,}|\bhf_[A-Za-z0-9]{30,}|\bxapp-[\w-]{20,}|\bya29\.[\w-]{20,}"
        r"|\b\d{8,10}:[\w-]{35}\b|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"
        r"|\b[5KL][1-9A-HJ-NP-Za-km-z]{50,51}\b|\bxprv[1-9A-HJ-NP-Za-km-z]{100,}",
        re.ASCII,
    ),
    re.compile(
        r"(?:api[-_ ]?key|secret(?:[-_ ]?key)?|access[-_ ]?(?:key|token)|token|private key"
        r"|密钥|密鑰|令牌|私钥|私鑰)\s*(?:is|是|为|=|:|：|=>)\s*[\"'`]?"
        r"((?=[\w+/=.-]*\d)[A-Za-z0-9+/_=.-]{20,})",
        re.IGNORECASE,
    ),
)
_DETECTORS = (
    "aws.AWSKeyDetector", "azure_storage_key.AzureStorageKeyDetector",
    "cloudant.CloudantDetector", "discord.DiscordBotTokenDetector",
    "github_token.GitHubTokenDetector", "gitlab_token.GitLabTokenDetector",
    "ibm_cloud_iam.IbmCloudIamDetector", "ibm_cos_hmac.IbmCosHmacDetector",
    "mailchimp.MailchimpDetector", "npm.NpmDetector", "openai.OpenAIDetector",
    "pypi_token.PypiTokenDetector", "sendgrid.SendGridDetector", "slack.SlackDetector",
    "softlayer.SoftlayerDetector", "square_oauth.SquareOAuthDetector",
    "stripe.StripeDetector", "twilio.TwilioKeyDetector",
)  # fmt: skip
"""Left out: Artifactory (any word of ten letters that starts with AP), entropy (any hash)."""
_TOKEN_CHARACTER = re.compile(r"[\w/+=-]", re.ASCII)

_SEED_WORDS = 12
_SEED = re.compile(rf"(?<![\w-])[a-z]{{3,8}}(?:[ \n,]+[a-z]{{3,8}}){{{_SEED_WORDS - 1},}}")

_HAN = "\u3400-\u9fff"
_NAME = rf"(?:(?![在住到去从從往是的了])[{_HAN}])"
"""A character of a place's name; 我住在 leads up to one."""
_ADDRESSES = (
    # 上海市徐汇区漕溪北路595号3幢1201室: a road and a number, with what stands around them
    re.compile(
        rf"(?:{_NAME}{{2,8}}(?:省|自治区))?(?:{_NAME}{{2,7}}(?:市|州|盟))?"
        rf"(?:{_NAME}{{1,7}}(?:区|區|县|縣|旗))?(?:{_NAME}{{1,7}}(?:镇|鎮|乡|鄉|街道))?"
        rf"{_NAME}{{1,8}}(?:路|街|大道|胡同|巷|弄|道)(?:[一二三四五六七八九十]段)?\s?"
        rf"\d{{1,5}}\s?(?:号|號|弄)(?!线|線|楼下|公交|车|車|地铁)"
        rf"(?:\s?[\dA-Za-z-]{{1,6}}\s?(?:号楼|號樓|号|號|栋|棟|幢|座|单元|單元|楼|樓|层|層|室|户|弄))*"
    ),
    # 東京都渋谷区神南1丁目2-3
    re.compile(
        rf"(?:[{_HAN}]{{2,3}}[都道府県])?[{_HAN}ぁ-ヿ]{{1,8}}[市区町村][{_HAN}ぁ-ヿ]{{1,8}}"
        r"\d{1,3}(?:丁目|[-－])\d{1,3}(?:番地?|[-－])?(?:\d{1,3}号?)?"
    ),
    # 221B Baker Street, London NW1 6XE
    re.compile(
        r"\b\d{1,5}[A-Za-z]?,? (?:[NSEW]\.? )?(?:[A-Z][\w'’.-]+ ){1,3}"
        r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Crescent|Terrace|Highway"
        r"|Hwy)\b\.?(?:,? (?:Apt|Unit|Suite|Flat|#)\.? ?\w{1,5}\b)?"
        r"(?:, [A-Z][\w' -]{2,24})?(?:,? [A-Z]{2},? \d{5}(?:-\d{4})?"
        r"|,? [A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})?"
    ),
    # Torstraße 140, 10119 Berlin
    re.compile(
        r"\b[A-ZÄÖÜ][\w-]*(?:straße|strasse|str\.|gasse|allee|platz|weg|straat|laan)"
        r" \d{1,4} ?[a-z]?\b(?:,? \d{4,5} [A-ZÄÖÜ]\w+)?"
    ),
    # Jl. Sudirman No. 5, rue de Rivoli 12, Calle Mayor 3, ул. Ленина, д. 5
    re.compile(
        r"\b(?:Jl\.?|Jalan|Calle|Avenida|Av\.|Rua|Via|Viale|Piazza) (?:[A-Z][\w.'’]* ?|de |la |del "
        r"|da |do ){1,5},? ?(?:No\.? ?|n[.º°] ?)?\d{1,4}\b(?: ?[A-Za-z]\b)?"
    ),
    re.compile(
        r"\b\d{1,4}(?: ?bis)?,? (?:rue|avenue|boulevard|place|chemin|allée) "
        r"(?:de |du |des |la |le |l['’]){0,3}[A-ZÀ-Ü][\wà-ü'’-]+(?:,? \d{5} [A-ZÀ-Ü]\w+)?"
    ),
    re.compile(
        r"\b(?:ул\.|улица|просп\.|проспект|пер\.) ?[А-ЯЁ][\w .-]{2,30}?,? (?:д\.? ?|дом )?\d{1,4}\b"
    ),
)  # fmt: skip


_TOKEN_HINT = r"[\w+/=-]{20}|eyJ|PRIVATE KEY|://hooks\.|-us\d"
_PASSWORD_HINT = (
    r"pass|pwd?\b|://[^\s/]*@|[?&]\w+=|密|口令|码|碼|コード|パス|번호|пароль|sandi|senha|contrase"
    r"|one.time|otp|verif"
)
_SEED_HINT = r"[a-z]{3,8}(?:[ \n,]+[a-z]{3,8}){11}"
_ADDRESS_HINT = (
    r"[路街道巷弄同段] ?\d|目|\d ?[\d-]* ?[番号號]|\d[A-Za-z]?,? [A-Zra-c]|[a-zß.] (?:No\.? ?)?\d"
    r"|ул|просп|пер"
)


def text_rules() -> tuple[Rule, ...]:
    """The rules of this module, in the order they are applied."""
    folded = re.ASCII | re.IGNORECASE
    return (
        Rule("token", re.compile(_TOKEN_HINT, folded), _tokens, in_links=True),
        Rule("password", re.compile(_PASSWORD_HINT, folded), _passwords, in_links=True),
        Rule("email", re.compile("@[A-Za-z0-9]"), _emails, in_links=True),
        Rule("seed", re.compile(_SEED_HINT), _seeds),
        Rule("address", re.compile(_ADDRESS_HINT), _addresses),
    )


def _emails(text: str) -> Iterator[Span]:
    from email_validator import EmailSyntaxError, validate_email

    for found in _EMAIL.finditer(text):
        name = found[0].split("@")[0].lower()
        follows = text[found.end() : found.end() + 1]
        if name in _NOT_MAIL and follows in (":", "/"):
            continue
        try:
            # Domains for documentation and tests are nobody's, but a chat's are somebody's.
            validate_email(found[0].lstrip("."), check_deliverability=False, test_environment=True)
        except EmailSyntaxError as error:
            if "special-use" not in str(error):
                continue
        yield found.span()


def _passwords(text: str) -> Iterator[Span]:
    for pattern in _PASSWORDS:
        for found in pattern.finditer(text):
            if not found[1].startswith(("http", "[")):
                yield found.span(1)


def _tokens(text: str) -> Iterator[Span]:
    for pattern in (*_TOKENS, *_known_tokens()):
        for found in pattern.finditer(text):
            group = 1 if found.lastindex else 0
            yield _whole(text, *found.span(group))


def _whole(text: str, start: int, end: int) -> Span:
    """A token's span out to where its characters end: no piece of one is left standing."""
    while end < len(text) and _TOKEN_CHARACTER.match(text[end]):
        end += 1
    return start, end


@cache
def _known_tokens() -> tuple[re.Pattern[str], ...]:
    from importlib import import_module

    patterns: list[re.Pattern[str]] = []
    for name in _DETECTORS:
        module, _, detector = name.partition(".")
        found = getattr(import_module(f"detect_secrets.plugins.{module}"), detector)
        patterns.extend(found.denylist)
    return tuple(patterns)


def _seeds(text: str) -> Iterator[Span]:
    """Runs of BIP-39 words whose last one carries the right check bits."""
    book = _seed_book()
    for run in _SEED.finditer(text):
        words = list(re.finditer("[a-z]+", run[0]))
        for first in range(len(words) - _SEED_WORDS + 1):
            for count in (24, 21, 18, 15, 12):
                chosen = words[first : first + count]
                spelled = [word[0] for word in chosen]
                is_seed = (
                    len(chosen) == count and _all_known(spelled) and book.check(" ".join(spelled))
                )
                if is_seed:
                    yield run.start() + chosen[0].start(), run.start() + chosen[-1].end()


@cache
def _seed_book() -> Mnemonic:
    from mnemonic import Mnemonic

    return Mnemonic("english")


@cache
def _seed_words() -> frozenset[str]:
    return frozenset(_seed_book().wordlist)


def _all_known(words: Iterable[str]) -> bool:
    return all(word in _seed_words() for word in words)


def _addresses(text: str) -> Iterator[Span]:
    for pattern in _ADDRESSES:
        for found in pattern.finditer(text):
            yield found.start(), found.start() + len(found[0].rstrip(" ,"))
