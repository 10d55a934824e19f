"""llama.cpp as this project uses it: quiet, stoppable, and without its wrapper's rough edges.

The only module that imports llama_cpp.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeAlias

import llama_cpp
from llama_cpp import Llama

from bot.errors import ModelUnusable
from bot.generation import Sampling, never

BATCH_TOKENS = 256  # how much of a prompt is computed at once, and kept when cancelled
# Sorting all of Gemma's 262,144 candidates for every token would cost more than it could change:
# what lies behind the first hundred falls to min_p.
TOP_K = 100
ADAPT_TOKENS = 16  # how often, in written tokens, the number of threads follows the load
_LOAD = Path("/proc/loadavg")
_SEEDS = 2**32 - 1  # the largest 32-bit seed means "random" to llama.cpp
_ERROR = 4  # GGML_LOG_LEVEL_ERROR in ggml.h

Model: TypeAlias = Llama

_last_errors: deque[str] = deque(maxlen=1)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _log(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
    """Keep the last error for our own message; everything else is noise to a chat."""
    if level == _ERROR:
        _last_errors.append(text.decode("utf-8", "replace").strip())


def load(path: Path, *, context_tokens: int, threads: int | None) -> Model:
    """A model ready to read and write; ``context_tokens`` 0 takes the model's own.

    Raises ModelUnusable where the file is missing, damaged, or does not fit into memory.
    """
    if not path.is_file():
        raise ModelUnusable(f"{path}: no such model file; `atself models list` shows what there is")
    # Set before loading and for good: llama.cpp and ggml (Metal, CUDA) share this one sink.
    llama_cpp.llama_log_set(_log, ctypes.c_void_p(0))
    _last_errors.clear()
    cores = threads or idle_cores()
    try:
        return Llama(
            str(path),
            n_ctx=context_tokens,
            n_batch=BATCH_TOKENS,
            n_threads=cores,
            n_threads_batch=cores,
            n_gpu_layers=-1,  # nothing to offload to in a CPU build; all of it in a GPU build
            verbose=False,
        )
    except (ValueError, RuntimeError, MemoryError) as error:
        reason = _last_errors[-1] if _last_errors else str(error)
        raise ModelUnusable(
            f"{path}: llama.cpp cannot load it ({reason}); fetch or train the model again"
        ) from None


def idle_cores(load: Path = _LOAD) -> int:
    """Cores that nothing else is using right now, at least one; all of them where unknown.

    llama.cpp's threads wait for each other hundreds of times per token, so that one core shared
    with another process stalls all: with a training run beside it, SmolLM2 wrote 0.1-6 tokens a
    second with two threads and 62 with one, against 110 on two idle cores.
    """
    cores = os.cpu_count() or 1
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    try:
        running = int(load.read_text().split()[3].split("/")[0])
    except (OSError, ValueError, IndexError):  # no Linux
        return ours
    others = max(0, running - 1)
    return max(1, min(ours, cores - others))


def tokenize(llama: Model, text: str, *, is_control: bool) -> list[int]:
    """Token ids of one segment; special tokens are recognised in control text only."""
    return list(llama.tokenize(text.encode(), add_bos=False, special=is_control))


def reusable(llama: Model, ids: Sequence[int]) -> int:
    """How many tokens of a prompt ``generate`` will take from the model's memory.

    The last one is computed again (there is nothing to sample from otherwise) unless the memory
    ends exactly there.
    """
    held = llama.input_ids[: llama.n_tokens].tolist()
    same = next((i for i, (a, b) in enumerate(zip(held, ids, strict=False)) if a != b), None)
    common = min(len(held), len(ids)) if same is None else same
    is_exact = common == len(ids) == len(held) and not llama._requires_eval
    return common if is_exact else min(common, len(ids) - 1)


def stream(
    llama: Model, ids: Sequence[int], sampling: Sampling, seed: int, *, threads: int | None = None
) -> Iterator[int]:
    """Sampled tokens without end; the first one comes once the prompt has been read.

    Without a fixed number of ``threads`` it follows what the machine has idle.
    """
    llama.set_seed(seed % _SEEDS)
    tokens: Iterator[int] = llama.generate(
        ids,
        top_k=TOP_K,
        top_p=sampling.top_p,
        min_p=sampling.min_p,
        temp=sampling.temperature,
        repeat_penalty=sampling.repeat_penalty,
    )
    for place in count():
        if place % ADAPT_TOKENS == 0:
            used = threads or idle_cores()
            llama._ctx.set_n_threads(used, used)
        yield next(tokens)


def ends_turn(llama: Model, token: int) -> bool:
    """Whether a token closes the turn: an end token, or any other control token."""
    vocabulary = llama._model.vocab
    return bool(
        llama_cpp.llama_vocab_is_eog(vocabulary, token)
        or llama_cpp.llama_vocab_is_control(vocabulary, token)
    )


def piece(llama: Model, token: int) -> bytes:
    """The bytes of a token, which may end inside a character.

    ``Llama.detokenize`` loses pieces over 32 bytes (its buffer), which Gemma's vocabulary has.
    """
    size = 256
    buffer = ctypes.create_string_buffer(size)
    length = llama_cpp.llama_token_to_piece(llama._model.vocab, token, buffer, size, 0, False)
    return buffer.raw[: max(length, 0)]


class AbortSwitch:
    """Lets a prompt that is being read be given up, within milliseconds instead of batches."""

    def __init__(self, llama: Model) -> None:
        self._llama = llama
        self._cancelled: Callable[[], bool] = never
        self._interrupt: BaseException | None = None
        self.is_thrown = False
        # Kept as long as the model: llama.cpp holds the bare pointer.
        self._callback = llama_cpp.ggml_abort_callback(self._check)

    @contextmanager
    def watching(self, cancelled: Callable[[], bool]) -> Iterator[AbortSwitch]:
        """Ask ``cancelled`` between the nodes of the graph; Ctrl-C meanwhile is raised after."""
        self._cancelled, self._interrupt, self.is_thrown = cancelled, None, False
        self._set(self._callback)
        try:
            yield self
        finally:
            self._set(llama_cpp.ggml_abort_callback())
            if self._interrupt is not None:
                raise self._interrupt

    def _set(self, callback: Callable[[ctypes.c_void_p], None]) -> None:
        llama_cpp.llama_set_abort_callback(self._llama.ctx, callback, ctypes.c_void_p(0))

    def _check(self, _data: ctypes.c_void_p) -> bool:
        try:
            self.is_thrown = self.is_thrown or self._cancelled()
        except BaseException as error:  # ctypes would print and swallow it
            self._interrupt, self.is_thrown = error, True
        return self.is_thrown
