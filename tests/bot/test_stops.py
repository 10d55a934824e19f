"""Where a reply that is still being written ends."""

from __future__ import annotations

import pytest

from bot.stops import StopScanner
from ingest.markup import Markup, transcript_markup

CHATML = Markup(
    "chat",
    "<|im_start|>system\n",
    "<|im_end|>\n<|im_start|>user\n",
    "<|im_end|>\n<|im_start|>assistant\n",
    "<|im_end|>",
    "\n<|im_start|>user\n",
)
TRANSCRIPT = transcript_markup()


def spoken(text: str, markup: Markup, size: int) -> tuple[list[str], bool]:
    scanner = StopScanner(markup)
    shown = []
    for start in range(0, len(text), size):
        shown.append(scanner.feed(text[start : start + size]))
        if scanner.is_stopped:
            break
    return [*shown, scanner.flush()], scanner.is_stopped


@pytest.mark.parametrize("size", [1, 2, 3, 7, 200])
@pytest.mark.parametrize(
    ("text", "markup", "kept"),
    [
        ("fine by me<|im_end|>more", CHATML, "fine by me"),
        ("fine\nby me", CHATML, "fine\nby me"),
        ("yes\n@nice_guy: no", CHATML, "yes\n"),
        ("@nice_guy: no", CHATML, ""),
        ("yes\n@周姐：不行", CHATML, "yes\n"),
        ("yes\u2028@nice_guy: no", CHATML, "yes\n"),
        ("@self: it is me\nand again", CHATML, "@self: it is me\nand again"),
        ("ask @nice_guy: he knows", CHATML, "ask @nice_guy: he knows"),
        ("mail\n@ home", CHATML, "mail\n@ home"),
        ("so\n[memory]\n  2020 @a: b", CHATML, "so\n"),
        (" sure\n  second line\n@dummy_fox: no", TRANSCRIPT, " sure\n  second line"),
        (" sure\n\n@", TRANSCRIPT, " sure\n"),
    ],
)
def test_a_reply_ends_where_its_turn_ends(text: str, markup: Markup, kept: str, size: int) -> None:
    pieces, stopped = spoken(text, markup, size)
    assert "".join(pieces) == kept
    assert stopped == (kept != text)


@pytest.mark.parametrize("text", ["x<|im_e", "x\n@nice", "x\n[mem"])
def test_what_may_become_a_stop_is_held_back_until_the_end(text: str) -> None:
    scanner = StopScanner(CHATML)
    shown = scanner.feed(text)
    assert shown in ("x", "x\n")
    assert shown + scanner.flush() == text
