"""Buttons under notices: what a button means is in its id, so it can be pressed after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.platforms.base import Button
from bot.platforms.discord.marks import Marks

_OURS = "atself"
_MAX_ID = 100
_MAX_LABEL = 80
_MAX_BUTTONS = 25


def view_of(buttons: Sequence[Button], marks: Marks) -> discord.ui.View | None:
    """The buttons under a notice. The view is stopped: presses are met by id, not by object."""
    if not buttons:
        return None
    view = discord.ui.View(timeout=None)
    for button in buttons[:_MAX_BUTTONS]:
        custom_id = f"{_OURS}:{button.name}:{button.words}"
        if len(custom_id) > _MAX_ID or button.words.startswith("#"):
            custom_id = f"{_OURS}:{button.name}:#{marks.keep_words(button.words)}"
        item: Any = discord.ui.Button(label=button.label[:_MAX_LABEL], custom_id=custom_id)
        view.add_item(item)
    view.stop()
    return view


def meaning(custom_id: str, marks: Marks) -> tuple[str, str] | None:
    """The command and its words that a button stands for; None where it is none of ours."""
    ours, _, rest = custom_id.partition(":")
    name, _, words = rest.partition(":")
    if ours != _OURS or not name:
        return None
    if words.startswith("#"):
        words = marks.fact(f"words:{words[1:]}") or ""
    return name, words
