"""Large HTML pages are read in parts, and no message is lost where one part ends."""

from __future__ import annotations

import io
from zoneinfo import ZoneInfo

import pytest

from ingest.chat import RawMessage
from ingest.parsers import imessage_html, matrix_html
from ingest.parsers.base import Parser, Reading

ELEMENT_TILE = (
    '<div class="mx_Export_EventWrapper" id="$e{number}"><li class="mx_EventTile">'
    '<span class="mx_DisambiguatedProfile_displayName">Maya</span>'
    '<span class="mx_MessageTimestamp">10:00:00</span>'
    '<div class="mx_EventTile_body">soup {number}</div></li></div>\n'
)
ELEMENT_PAGE = (
    '<html><body><ol class="mx_RoomView_MessageList"><li><div class="mx_DateSeparator">'
    "<h2>Sat, May 4, 2024</h2></div></li>\n{tiles}</ol></body></html>"
)
IMESSAGE_TILE = (
    '<div class="message"><div class="sent iMessage"><p><span class="timestamp">'
    'May 17, 2022  5:29:42 PM</span><span class="sender">Me</span></p><hr>'
    '<div class="message_part"><span class="bubble">soup {number}</span></div></div>\n</div>\n'
)
IMESSAGE_PAGE = "<html><body>\n{tiles}</body></html>"


@pytest.mark.parametrize(
    ("parser", "page", "tile"),
    [
        (matrix_html.PARSER, ELEMENT_PAGE, ELEMENT_TILE),
        (imessage_html.PARSER, IMESSAGE_PAGE, IMESSAGE_TILE),
    ],
    ids=["element", "imessage"],
)
def test_a_page_read_in_parts_has_every_message_once(parser: Parser, page: str, tile: str) -> None:
    count = 9 * 1024 * 1024 // len(tile)  # two parts and more
    content = page.format(tiles="".join(tile.format(number=number) for number in range(count)))
    assert parser.claims(content[: 1 << 16].encode())
    found = list(parser.parse(Reading(io.BytesIO(content.encode()), "page.html", ZoneInfo("UTC"))))
    texts = [item.text for item in found if isinstance(item, RawMessage)]
    assert texts == [f"soup {number}" for number in range(count)]
    assert len({item.id for item in found if isinstance(item, RawMessage)}) == count
