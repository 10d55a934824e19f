"""The rule by which a model may serve without anybody saying so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def objection(card: Mapping[str, Any], *, is_first: bool) -> str:
    """Why a model should not serve, by its report card; empty where nothing speaks against it.

    It must pass, and be better than its base and than what served when it was judged. Where nothing
    serves yet (``is_first``), a card that does not fail is enough.
    """
    if card.get("verdict") == "fail":
        failed = [each["text"] for each in card["findings"] if each["level"] == "fail"]
        return f"its report card fails: {'; '.join(failed)}"
    if is_first:
        return ""
    if card["persona"]["nats_per_token"] >= card["base"]["nats_per_token"]:
        return "it is no better than its base"
    gap = (card.get("serving") or {}).get("persona_minus_serving")
    return "it is no better than what serves" if gap and gap["value"] >= 0 else ""
