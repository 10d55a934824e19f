"""Optional: a cross-encoder reads question and passage together and scores how well they fit.

Slower and better than comparing vectors (Nogueira and Cho 2019, arXiv:1901.04085). Off unless the
setting ``recall.reranker`` names a model of sentence-transformers or its folder. It never costs
more than its time and never a reply: what cannot be scored in time keeps its place.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from threading import TIMEOUT_MAX, Thread
from typing import Any

from config.console import say
from rag.embedding.loading import is_loaded, loaded, unload

LONGEST = 256
"""Tokens read of a question and a passage together."""
_AT_ONCE = 8
_FAILURES = (ImportError, OSError, RuntimeError, ValueError)


class Reranker:
    """A cross-encoder by name or folder, loaded at the first question or by :meth:`warm`.

    One that does not load or fails says so once through ``warn`` and scores nothing from then on.
    """

    def __init__(
        self,
        name: str,
        *,
        warn: Callable[[str], None] = say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._warn, self._clock = name, warn, clock
        self._is_broken = False
        self._pace = 0.0
        self._loading: Thread | None = None

    def warm(self) -> None:
        """Load the weights now, so that the first question does not wait for them."""
        try:
            loaded(self._key, self._load)
        except _FAILURES as error:
            self._give_up(error)

    def close(self) -> None:
        """Give the memory back; a later call loads again."""
        unload(self._key)

    def rerank(
        self, query: str, candidates: Sequence[str], budget: timedelta
    ) -> list[float | None]:
        """Scores between 0 and 1 for the candidates, which come best first; None where time ended.

        Scored in that order, a few at once, while the next few are expected to end in ``budget``.
        """
        scores: list[float | None] = []
        end = self._clock() + budget.total_seconds()
        try:
            if candidates and self._is_loaded_by(end):
                while len(scores) < len(candidates) and self._clock() + self._pace <= end:
                    batch = candidates[len(scores) : len(scores) + _AT_ONCE]
                    scores.extend(self._timed(query, batch))
        except _FAILURES as error:
            self._give_up(error)
        return [*scores, *[None] * (len(candidates) - len(scores))]

    def _is_loaded_by(self, end: float) -> bool:
        """Whether the model is there in time; where it is not, it goes on loading beside us."""
        if self._is_broken:
            return False
        if self._loading is None or not (is_loaded(self._key) or self._loading.is_alive()):
            self._loading = Thread(target=self.warm, name="reranker", daemon=True)
            self._loading.start()
        self._loading.join(min(max(0.0, end - self._clock()), TIMEOUT_MAX))
        return is_loaded(self._key)

    def _timed(self, query: str, batch: Sequence[str]) -> list[float]:
        model = loaded(self._key, self._load)
        start = self._clock()
        scores = model.predict(
            [(query, text) for text in batch],
            batch_size=_AT_ONCE,
            show_progress_bar=False,
            activation_fn=_sigmoid(),
        )
        self._pace = self._clock() - start
        return [float(score) for score in scores]

    def _give_up(self, error: Exception) -> None:
        if self._is_broken:
            return
        self._is_broken = True
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        self._warn(
            f"recall.reranker {self._name!r} does not work ({first}); passages keep the order of "
            "the search; give a cross-encoder's folder or Hugging Face id, or leave it unset"
        )

    @property
    def _key(self) -> tuple[str, str]:
        return ("cross-encoder", self._name)

    def _load(self) -> Any:
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        from sentence_transformers import CrossEncoder

        model = CrossEncoder(
            self._name,
            local_files_only=Path(self._name).is_dir(),
            max_length=LONGEST,
        )
        if model.num_labels != 1:
            raise ValueError(f"it gives {model.num_labels} labels instead of one score")
        return model


def _sigmoid() -> Any:
    from torch import nn

    return nn.Sigmoid()
