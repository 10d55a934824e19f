"""Export formats. Each module offers one `Parser`; a file has exactly one that claims it."""

from __future__ import annotations

from ingest.parsers import irc, plain, telegram
from ingest.parsers.base import Parser

PARSERS: tuple[Parser, ...] = (irc.PARSER, plain.PARSER, telegram.PARSER)
"""Every known format."""
