"""llama.cpp with nothing around it: the floor that replies are measured against."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _nothing(_level: int, _text: bytes, _data: ctypes.c_void_p) -> None:
    """llama.cpp tells its log much that no benchmark wants."""


class Bare:
    """A model and one conversation: llama_decode, and the likeliest token."""

    def __init__(self, path: Path, *, context_tokens: int, threads: int) -> None:
        llama_cpp.llama_log_set(_nothing, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self._model: Any = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params()
        )
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = context_tokens, 512, 512
        settings.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED  # slower on processors
        settings.n_threads = settings.n_threads_batch = threads
        self._context: Any = llama_cpp.llama_init_from_model(self._model, settings)
        self._greedy = llama_cpp.llama_sampler_init_greedy()
        self._batch = llama_cpp.llama_batch_init(512, 0, 1)

    def cut(self, position: int) -> None:
        """Forget what was read from ``position`` on."""
        llama_cpp.llama_memory_seq_rm(llama_cpp.llama_get_memory(self._context), 0, position, -1)

    def read(self, ids: Sequence[int], position: int) -> None:
        """Read on, in batches of 512 (llama.cpp's own default)."""
        for start in range(0, len(ids), 512):
            self._read(ids[start : start + 512], position + start)

    def draw(self) -> int:
        """The likeliest token after what was read last."""
        return int(llama_cpp.llama_sampler_sample(self._greedy, self._context, -1))

    def close(self) -> None:
        """Free everything."""
        llama_cpp.llama_sampler_free(self._greedy)
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)

    def tokenize(self, text: str) -> list[int]:
        """Token ids, special tokens recognised."""
        data = text.encode()
        tokens = (llama_cpp.llama_token * (len(data) + 8))()
        vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        count = llama_cpp.llama_tokenize(
            vocabulary, data, len(data), tokens, len(tokens), False, True
        )
        return list(tokens[:count])

    def _read(self, ids: Sequence[int], position: int) -> None:
        batch = self._batch
        batch.n_tokens = len(ids)
        for place, token in enumerate(ids):
            batch.token[place], batch.pos[place] = token, position + place
            batch.n_seq_id[place], batch.seq_id[place][0] = 1, 0
            batch.logits[place] = place == len(ids) - 1
        if code := llama_cpp.llama_decode(self._context, batch):
            raise RuntimeError(f"llama_decode returned {code}")
