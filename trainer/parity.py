"""Is the converted model the model that was trained? Same tokens, same distributions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ingest.chat import Window
from ingest.markup import Markup
from ingest.prompt import encode, render_window
from trainer.errors import TrainingError
from trainer.examples import Tokenize
from trainer.llama import quiet_llama
from trainer.vocabulary import check_tokens

WINDOWS = 4
TOKENS = 160
"""Compared positions per window: a Gemma distribution is a megabyte, and 640 positions suffice."""
LARGEST_KL = 0.02
MEAN_KL = 1e-3
"""An f16 conversion that is right stays far below: at most 1.4e-4 was seen for SmolLM2, 3e-4 for
Gemma 3."""
AGREEMENT = 0.98

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Divergence:
    """KL from the trained model in nats over ``positions``, and how often the top token agrees."""

    positions: int
    mean_kl: float
    max_kl: float
    top_agreement: float

    def to_json(self) -> dict[str, float]:
        """A JSON-ready mapping."""
        return {
            "positions": self.positions,
            "mean_kl": float(f"{self.mean_kl:.3g}"),
            "max_kl": float(f"{self.max_kl:.3g}"),
            "top_agreement": round(self.top_agreement, 4),
        }


def check_parity(
    model: Any,
    tokenize: Tokenize,
    full: Path,
    stored: Path,
    windows: Sequence[Window],
    head: str,
    markup: Markup,
    *,
    threads: int,
) -> dict[str, Any]:
    """Compare the merged model with its f16 GGUF and the GGUF to be stored; JSON-ready figures.

    ``windows`` are held-out ones. Raises TrainingError where tokens differ or f16 does not follow
    the model; what fewer bits cost is reported, not judged.
    """
    tokenized = check_tokens(full, tokenize, windows, head, markup)
    sequences = _ends(windows, head, markup, tokenize)
    reference = [_of_model(model, ids) for ids in sequences]
    compared = divergence(reference, _of_gguf(full, sequences, threads=threads))
    _require(compared, full)
    kept = compared
    if stored != full:
        kept = divergence(reference, _of_gguf(stored, sequences, threads=threads))
    return {
        "tokens_identical": True,
        "windows_tokenized": tokenized,
        "f16": compared.to_json(),
        "stored": kept.to_json(),
    }


def divergence(reference: Sequence[Floats], other: Sequence[Floats]) -> Divergence:
    """Compare log-probabilities, arrays of shape (positions, vocabulary)."""
    kl = np.concatenate(
        [(np.exp(a) * (a - b)).sum(-1) for a, b in zip(reference, other, strict=True)]
    )
    same = np.concatenate(
        [a.argmax(-1) == b.argmax(-1) for a, b in zip(reference, other, strict=True)]
    )
    return Divergence(len(kl), float(kl.mean()), float(kl.max()), float(same.mean()))


def _ends(
    windows: Sequence[Window], head: str, markup: Markup, tokenize: Tokenize
) -> list[list[int]]:
    """Token ids of the ends of a few windows, where @self speaks."""
    step = max(1, len(windows) // WINDOWS)
    chosen = windows[::step][:WINDOWS]
    return [encode(render_window(each, head, markup), tokenize).ids[-TOKENS:] for each in chosen]


@torch.no_grad()
def _of_model(model: Any, ids: list[int]) -> Floats:
    logits = model(input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits
    found: Floats = torch.log_softmax(logits[0].float(), dim=-1).cpu().numpy()
    return found


def _of_gguf(path: Path, sequences: Sequence[list[int]], *, threads: int) -> list[Floats]:
    with _opened(path, n_ctx=TOKENS, n_batch=TOKENS, logits_all=True, threads=threads) as llama:
        return [_evaluated(llama, ids) for ids in sequences]


def _evaluated(llama: Any, ids: list[int]) -> Floats:
    llama.reset()
    llama.eval(ids)
    logits = torch.from_numpy(np.array(llama.scores[: len(ids)], dtype=np.float32))
    found: Floats = torch.log_softmax(logits, dim=-1).numpy()
    return found


def _opened(path: Path, *, threads: int, **options: Any) -> Any:
    llama = quiet_llama().Llama(
        str(path), n_threads=threads, n_threads_batch=threads, verbose=False, **options
    )
    return closing(llama)


def _require(found: Divergence, path: Path) -> None:
    good = found.max_kl <= LARGEST_KL and found.mean_kl <= MEAN_KL
    if good and found.top_agreement >= AGREEMENT:
        return
    raise TrainingError(
        f"{path}: the converted model does not follow the trained one (KL mean "
        f"{found.mean_kl:.2g}, max {found.max_kl:.2g} nats, same top token "
        f"{found.top_agreement:.1%}); it was not registered, choose another base with --base"
    )
