"""Export formats. Each module offers one `Parser`; a file has exactly one that claims it."""

from __future__ import annotations

from ingest.parsers import plain, telegram, telegram_html
from ingest.parsers.base import Parser

PARSERS: tuple[Parser, ...] = (plain.PARSER, telegram.PARSER, telegram_html.PARSER)
"""Every known format."""
