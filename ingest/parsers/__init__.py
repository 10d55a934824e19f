"""Export formats. Each module offers one `Parser`; a file has exactly one that claims it."""

from __future__ import annotations

from ingest.parsers import (
    imessage_html,
    imessage_text,
    irc,
    matrix,
    matrix_html,
    matrix_text,
    meta,
    plain,
    qq_json,
    qq_text,
    slack,
    telegram,
    telegram_html,
    wechat_csv,
    wechat_json,
)
from ingest.parsers.base import Parser

PARSERS: tuple[Parser, ...] = (
    imessage_html.PARSER,
    imessage_text.PARSER,
    irc.PARSER,
    matrix.PARSER,
    matrix_html.PARSER,
    matrix_text.PARSER,
    meta.PARSER,
    plain.PARSER,
    qq_json.PARSER,
    qq_text.PARSER,
    slack.PARSER,
    telegram.PARSER,
    telegram_html.PARSER,
    wechat_csv.PARSER,
    wechat_json.PARSER,
)
"""Every known format."""
