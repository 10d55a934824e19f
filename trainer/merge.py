"""Fold an adapter into its base and write the result in Hugging Face format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

HALF_LIMIT = torch.finfo(torch.float16).max


def merge(model: Any, tokenizer: Any, folder: Path) -> Any:
    """Merge a peft model in float32 and save it in half precision; returns the merged model.

    float16 keeps three more bits than bfloat16 and is what GGUF holds; weights beyond its range
    (some models trained in bfloat16) are saved as bfloat16. The model given is used up.
    """
    merged = model.float().merge_and_unload()
    merged = merged.to(torch.float16 if _fits_half(merged) else torch.bfloat16)
    folder.mkdir(parents=True, exist_ok=True)
    merged.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return merged


def _fits_half(model: Any) -> bool:
    return all(float(weight.detach().abs().max()) < HALF_LIMIT for weight in model.parameters())
