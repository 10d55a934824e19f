"""What was thought of the bot's replies, as pairs to prefer between.

What @self said in place of the bot is preferred to what the bot said; a reply of the bot's that was
liked is preferred to what the model says there now, so that it is sampled against.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
        contest = _contest(one.window, head, base)
        if len(contest.example.ids) + SAMPLE_TOKENS > max_tokens:
            refused["too long"] += 1
        elif not one.rejected:
            liked.append(contest)
        else:
            _add(corrected, contest, one.rejected, head, base, refused)
    return Heeded(tuple(corrected), tuple(liked))


def _contest(window: Window, head: str, base: LoadedBase) -> Contest:
    return Contest(window, encode_window(window, head, base.markup, base.tokenize))


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
