"""What was thought of the bot's replies, as pairs to prefer between.

What @self said in place of the bot is preferred to what the bot said; a reply of the bot's that was
liked is preferred to what the model says there now, so that it is sampled against.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ingest.chat import Window
from ingest.dataset.preferences import Preference
from trainer.base_model import LoadedBase
from trainer.examples import encode_window
from trainer.preference.contenders import SAMPLE_TOKENS, Contest, Pair, pair_against


@dataclass(frozen=True, slots=True)
class Heeded:
    """``corrected`` are pairs as they stand, ``liked`` wait for what the model says instead."""

    corrected: tuple[Pair, ...]
    liked: tuple[Contest, ...]

    def counts(self) -> dict[str, int]:
        """How many of either."""
        return {"corrected": len(self.corrected), "liked": len(self.liked)}


def heed(
    known: Iterable[Preference],
    head: str,
    base: LoadedBase,
    *,
    max_tokens: int,
    refused: Counter[str],
) -> Heeded:
    """The pairs and contests of a dataset's preferences; ``refused`` counts the others."""
    corrected: list[Pair] = []
    liked: list[Contest] = []
    for one in known:
        contest = _fitting(one.window, head, base, max_tokens - SAMPLE_TOKENS)
        if contest is None:
            refused["too long"] += 1
        elif not one.rejected:
            liked.append(contest)
        else:
            _add(corrected, contest, one.rejected, head, base, refused)
    return Heeded(tuple(corrected), tuple(liked))


def _fitting(window: Window, head: str, base: LoadedBase, most: int) -> Contest | None:
    """The window with as many of its last lines as ``most`` tokens hold; None where that is none.

    A bot is shown more than learning has room for: what it was shown first goes first.
    """
    left: Window | None = window
    while left is not None:
        example = encode_window(left, head, base.markup, base.tokenize)
        if len(example.ids) <= most:
            return Contest(left, example)
        left = _without_first_line(left)
    return None


def _without_first_line(window: Window) -> Window | None:
    """The window begun one line later; None where only the line that is answered is before it."""
    first, *others = window.turns
    if len(first.lines) > 1:
        return replace(window, turns=(replace(first, lines=first.lines[1:]), *others))
    return replace(window, turns=tuple(others)) if len(others) > 1 else None


def _add(
    pairs: list[Pair],
    contest: Contest,
    rejected: Sequence[str],
    head: str,
    base: LoadedBase,
    refused: Counter[str],
) -> None:
    pair, reason = pair_against(contest, rejected, head, base)
    if pair is None:
        refused[reason] += 1
    else:
        pairs.append(pair)
