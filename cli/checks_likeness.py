"""Whether it is known when @self speaks, and how like @self the serving model is."""

from __future__ import annotations

from collections.abc import Iterator

from cli.checks import Check, State
from config.errors import AtselfError
from config.settings import Home

AREA = "likeness"


def likeness_checks(home: Home) -> Iterator[Check]:
    """The learned gate and the rehearsal of what serves; neither is needed to run."""
    if not home.archive.exists():
        return
    yield _gate(home)
    try:
        yield _rehearsal(home)
    except AtselfError as error:
        yield Check(AREA, "rehearsal", str(error), State.MISSING, "atself evaluate")


def _gate(home: Home) -> Check:
    from bot.gating.model import read_gate

    known = read_gate(home)
    if known is None:
        detail = "not learned, or not readable: the one that ships decides"
        return Check(AREA, "gate", detail, State.ABSENT, "atself gate")
    if known.model is None:
        return Check(AREA, "gate", f"{known.why_none}; the one that ships decides", State.ABSENT)
    return Check(AREA, "gate", "learned from the archive")


def _rehearsal(home: Home) -> Check:
    from likeness.records import evaluations
    from registry.store import Registry

    serving = Registry(home.models).serving()
    if serving is None:
        return Check(AREA, "rehearsal", "no model serves", State.ABSENT, "atself train")
    found = [one for one in evaluations(home.evaluations) if one.is_finished]
    known = [one for one in found if serving.version in one.plan.versions]
    if not known:
        detail = f"{serving.version} was not rehearsed"
        return Check(AREA, "rehearsal", detail, State.ABSENT, "atself evaluate")
    return Check(AREA, "rehearsal", f"{serving.version}: atself evaluate --show {known[-1].id}")
