"""What a model must show before it serves, and before it serves without anybody saying so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from registry.artefact import ModelManifest
from registry.errors import RegistryError

if TYPE_CHECKING:
    from registry.store import Promotion


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


def withdrawn(history: Iterable[Promotion]) -> set[str]:
    """Versions that served and were taken back, and were not promoted again since.

    No rule lets one of these serve; somebody may.
    """
    taken_back: set[str] = set()
    serving = ""
    for promotion in history:
        if promotion.is_rollback:
            taken_back.add(serving)
        taken_back.discard(promotion.version)
        serving = promotion.version
    return taken_back


def require_pass(manifest: ModelManifest, *, is_forced: bool) -> None:
    """Raises RegistryError where a model's card fails and nobody insists."""
    if manifest.verdict != "fail" or is_forced:
        return
    findings = manifest.card.get("findings", [])
    failed = "; ".join(each["text"] for each in findings if each["level"] == "fail")
    raise RegistryError(
        f"{manifest.version}: its report card fails ({failed}); see `atself models report "
        f"{manifest.version}`, or insist with --force --reason"
    )
