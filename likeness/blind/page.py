"""The page of a blind test: one file, everything in it, nothing of the key."""

from __future__ import annotations

import base64
import hashlib
import tomllib
from pathlib import Path

from ingest.pages.writing import render
from likeness.blind.blindtest import BlindTest
from likeness.blind.codes import LONGEST_NAME

AUTO = "auto"
_FOLDER = Path(__file__).parent


def page_of(test: BlindTest, *, language: str = AUTO, token: str = "") -> str:
    """The page, in ``language`` or that of the reader's browser.

    ``token`` is what a served page proves itself with when it posts answers; without one the page
    talks to nobody and gives a code. Only its own script may run, by its hash.
    """
    from markupsafe import Markup

    words = tomllib.loads((_FOLDER / "words.toml").read_text(encoding="utf-8"))
    script = (_FOLDER / "blind.js").read_text(encoding="utf-8")
    data = {
        "test": test.shown(),
        "words": words,
        "language": language,
        "post": token,
        "longest_name": LONGEST_NAME,
    }
    first = words.get(language, words["en"])
    return render(
        _FOLDER / "blind.html.j2",
        title=first["title"].format(name=test.name),
        data=data,
        script=Markup(script),
        script_hash=_hash(script),
        is_served=bool(token),
    )


def _hash(script: str) -> str:
    """How a content security policy names an inline script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
