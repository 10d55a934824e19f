"""Export formats. Each module offers one `Parser`; a file has exactly one that claims it."""

from __future__ import annotations

from ingest.parsers import (
    conversation,
    discord_csv,
    discord_html,
    discord_json,
    discord_package,
    discord_text,
    irc,
    kakao,
    line,
    mapped,
    plain,
    qq_json,
    qq_text,
    signal_backup,
    signal_json,
    signal_text,
    telegram,
    telegram_html,
    wechat_csv,
    wechat_json,
    whatsapp,
)
from ingest.parsers.base import Parser

PARSERS: tuple[Parser, ...] = (
    conversation.PARSER,
    discord_csv.PARSER,
    discord_html.PARSER,
    discord_json.PARSER,
    discord_package.PARSER,
    discord_text.PARSER,
    irc.PARSER,
    kakao.PARSER,
    line.PARSER,
    mapped.PARSER,
    plain.PARSER,
    qq_json.PARSER,
    qq_text.PARSER,
    signal_backup.PARSER,
    signal_json.PARSER,
    signal_text.PARSER,
    telegram.PARSER,
    telegram_html.PARSER,
    wechat_csv.PARSER,
    wechat_json.PARSER,
    whatsapp.PARSER,
)
"""Every known format."""
