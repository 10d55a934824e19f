"""Export formats. Each module offers one `Parser`; a file has exactly one that claims it."""

from __future__ import annotations

from ingest.parsers import (
    conversation,
    irc,
    mapped,
    plain,
    qq_json,
    qq_text,
    telegram,
    telegram_html,
    wechat_csv,
    wechat_json,
)
from ingest.parsers.base import Parser

PARSERS: tuple[Parser, ...] = (
    conversation.PARSER,
    irc.PARSER,
    mapped.PARSER,
    plain.PARSER,
    qq_json.PARSER,
    qq_text.PARSER,
    telegram.PARSER,
    telegram_html.PARSER,
    wechat_csv.PARSER,
    wechat_json.PARSER,
)
"""Every known format."""
