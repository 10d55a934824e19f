"""What the bot says of itself and of people's rights, in the languages it can say it in."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from bot.tongues import DEFAULT

_FILE = Path(__file__).with_name("consent.toml")


def say(language: str, key: str, **values: object) -> str:
    """One text in a language, English where it is not there; ``values`` fill its blanks."""
    texts = _texts()
    return texts.get(language, texts[DEFAULT])[key].format(**values)


@cache
def _texts() -> dict[str, dict[str, str]]:
    """The texts by language and name."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
