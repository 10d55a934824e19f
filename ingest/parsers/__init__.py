"""Export formats. Each module offers one `Parser`; a file has exactly one that claims it."""

from __future__ import annotations

from ingest.parsers import (
    discord_csv,
    discord_html,
    discord_json,
    discord_package,
    discord_text,
    kakao,
    line,
    plain,
    telegram,
)
from ingest.parsers.base import Parser

PARSERS: tuple[Parser, ...] = (
    discord_csv.PARSER,
    discord_html.PARSER,
    discord_json.PARSER,
    discord_package.PARSER,
    discord_text.PARSER,
    kakao.PARSER,
    line.PARSER,
    plain.PARSER,
    telegram.PARSER,
)
"""Every known format."""
