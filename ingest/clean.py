"""What is worth learning from, one message at a time: every rule names its reason.

Rules that need to remember other messages (copies, floods, habits) are in :mod:`ingest.quality`.
"""

from __future__ import annotations

import re

from ingest.chat import Kind, Message

_LINK = re.compile(r"(?:https?://|www\.)\S+")
_PLACEHOLDER = re.compile(
    r"\[(?:photo|video|voice|audio|sticker|gif|file|location|contact|poll|other|code)\b[^\]]*\]"
)
_INVITE = re.compile(
    r"(?:t\.me/(?:\+|joinchat/)|telegram\.me/joinchat/|discord\.(?:gg|com/invite)/|chat\.whatsapp\.com/"
    r"|line\.me/R?/?ti/g/|signal\.group/)[\w#-]{4,}",
    re.IGNORECASE,
)
COPY_CHARACTERS = 1500
"""Longer than people type in a chat; nearly always pasted."""

CODE_CHARACTERS = 160
"""Shorter code is part of talking."""
_CODE_SHARE = 0.6
_FENCED = re.compile(r"```(?!quote).*?(?:```|\Z)", re.DOTALL)
_CODE_LINE = re.compile(
    r"^(?: {4,}|\t+)\S|[;{}\\]\s*$|:=|=>|==|^\s*(?:File \"|Traceback|def |class |import "
    r"|from \w+ import|#include|#!|\$ |>>> |at [\w.$]+\(|\d{4}-\d\d-\d\d[T ]\d\d:\d\d"
    r"|\[?\d\d:\d\d:\d\d|\[?(?:ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE|FATAL)\b"
    r"|</?\w+[ >]|--? \w+:|\w+ = \S+;?$)"
)

_QUOTE_LINE = re.compile(r"^(?:> ?(?=[^\s>=<_-])|>>> ?(?=\w)|│ ?)(?P<said>.*)$")
_QUOTE_FENCE = re.compile(
    r"(?:^@\S+.{0,40}(?:said|wrote|说)\S*\s*\n)?```quote\n.*?(?:```|\Z)\n?", re.DOTALL | re.M
)
_QUOTE_BLOCK = re.compile(r"^「[^」]*」\s*\n(?:[-—–_=*· ]{3,}\s*\n)?", re.DOTALL)
"""「name: text」 over a line of dashes: how WeChat's desktop client quotes when text is copied."""
_QUOTED = re.compile(r"[「『“\"]([^「」『』“”\"]{8,})[」』”\"]")
_QUOTED_WORDS = 4


def is_noise(message: Message) -> str | None:
    """Why a message is left out of what the model sees at all, or None."""
    if message.kind is Kind.SERVICE:
        return "service notice"
    if message.kind is Kind.COMMAND:
        return "bot command"
    if message.person.is_bot:
        return "bot"
    return None


def is_unlearnable(message: Message) -> str | None:
    """Why a message of @self is shown as context but never learned from, or None."""
    if message.forwarded_from is not None:
        return "forward"
    text = own_words(message.text)
    if not text and message.text.strip():
        return "only a quote"
    words = _LINK.sub("", _PLACEHOLDER.sub("", text))
    if _INVITE.search(text):
        return "invite link"
    if not words.strip():
        return "link only" if _LINK.search(text) else "media only"
    if len(text) > COPY_CHARACTERS:
        return "pasted text"
    return "code or log" if _is_code(text) else None


def own_words(text: str) -> str:
    """``text`` without what it quotes: ``> `` lines, quote fences, a 「…」 block on top."""
    if not any(sign in text for sign in (">", "「", "```quote", "│")):
        return text
    text = _QUOTE_BLOCK.sub("", _QUOTE_FENCE.sub("", text))
    lines = [line for line in text.split("\n") if not _QUOTE_LINE.match(line)]
    return "\n".join(lines).strip()


def quotes_of(text: str) -> list[str]:
    """What stands between quotation marks and is long enough to be somebody's words."""
    return [
        found[1]
        for found in _QUOTED.finditer(text)
        if not found[1].isascii() or found[1].count(" ") >= _QUOTED_WORDS
    ]


def _is_code(text: str) -> bool:
    if len(text) < CODE_CHARACTERS:
        return False
    prose = _FENCED.sub("", text)
    if len(prose) < len(text) * (1 - _CODE_SHARE):
        return True
    lines = [line for line in prose.split("\n") if line.strip()]
    code = sum(bool(_CODE_LINE.search(line)) for line in lines)
    return len(lines) >= 4 and code >= len(lines) * _CODE_SHARE
