"""Export formats. Each module offers one `Parser`; a file has exactly one that claims it."""

from __future__ import annotations

from ingest.parsers import (
    plain,
    signal_backup,
    signal_json,
    signal_text,
    telegram,
    telegram_html,
    whatsapp,
)
from ingest.parsers.base import Parser

PARSERS: tuple[Parser, ...] = (
    plain.PARSER,
    signal_backup.PARSER,
    signal_json.PARSER,
    signal_text.PARSER,
    telegram.PARSER,
    telegram_html.PARSER,
    whatsapp.PARSER,
)
"""Every known format."""
