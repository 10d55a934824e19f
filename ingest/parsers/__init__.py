"""Export formats. Each module offers one `Parser`; a file has exactly one that claims it."""

from __future__ import annotations

from ingest.parsers import (
    imessage_html,
    imessage_text,
    matrix,
    matrix_html,
    matrix_text,
    meta,
    plain,
    slack,
    telegram,
)
from ingest.parsers.base import Parser

PARSERS: tuple[Parser, ...] = (
    imessage_html.PARSER,
    imessage_text.PARSER,
    matrix.PARSER,
    matrix_html.PARSER,
    matrix_text.PARSER,
    meta.PARSER,
    plain.PARSER,
    slack.PARSER,
    telegram.PARSER,
)
"""Every known format."""
