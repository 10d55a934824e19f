"""llama.cpp as this project uses it: quiet, stoppable, and with several conversations in memory.

The only module that imports llama_cpp, and of that only what llama.h has.
"""

from __future__ import annotations

import ctypes
import platform
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from bot.cores import idle_cores
from bot.errors import ModelUnusable, SpeakingFailed
from bot.generation import Sampling, never

BATCH_TOKENS = 256  # how much of a prompt is computed at once, and kept when cancelled
# Sorting all of Gemma's 262,144 candidates for every token would cost more than it could change:
# what lies behind the first hundred falls to min_p. First of all, too: penalties alone took
# 0.65 ms a token when they saw every candidate, all of drawing 0.18 ms behind this.
TOP_K = 100
PENALISED = 64  # tokens back that the repeat penalty looks
_SEEDS = 2**32 - 1  # the largest 32-bit seed means "random" to llama.cpp
_ERROR = 4  # GGML_LOG_LEVEL_ERROR in ggml.h
_ABORTED = 2  # llama_decode in llama.h
_PIECE = 256  # bytes; Gemma's vocabulary has pieces of more than 32
_F16 = 2  # bytes of a number in the memory of what was read
_MEGABYTE = 1 << 20

_last_errors: deque[str] = deque(maxlen=1)


class Aborted(Exception):
    """Reading was given up because the switch said so."""


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _log(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
    """Keep the last error for our own message; everything else is noise to a chat."""
    if level == _ERROR:
        _last_errors.append(text.decode("utf-8", "replace").strip())


class Model:
    """A model's weights and vocabulary, and ``streams`` conversations it has read so far.

    Each stream has ``context_tokens`` of its own and costs only what it holds to read on; 0 takes
    the model's own. There are as many streams as asked for and as fit into ``megabytes``, at least
    one. Raises ModelUnusable where the file is missing, damaged, or does not fit into memory.
    """

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int,
        threads: int | None = None,
        streams: int = 1,
        megabytes: int | None = None,
    ) -> None:
        self._path, self._threads = path, threads
        self._model = _loaded(path)
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        each = context_tokens or llama_cpp.llama_model_n_ctx_train(self._model)
        self.bytes_per_token = _bytes_per_token(self._model)
        if megabytes is not None:
            fitting = megabytes * _MEGABYTE // max(1, self.bytes_per_token * each)
            streams = max(1, min(streams, fitting))
        self.streams = min(streams, llama_cpp.llama_max_parallel_sequences())
        self._context = self._opened(each)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self.context_tokens = int(llama_cpp.llama_n_ctx_seq(self._context))
        self._batch = llama_cpp.llama_batch_init(BATCH_TOKENS, 0, 1)
        self._buffer = ctypes.create_string_buffer(_PIECE)

    def close(self) -> None:
        """Free everything; the model is of no use after."""
        if self._context is not None:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._context)
            llama_cpp.llama_model_free(self._model)
            self._context = self._model = self._memory = None

    def tokenize(self, text: str, *, is_control: bool) -> list[int]:
        """Token ids of one segment; special tokens are recognised in control text only."""
        data = text.encode()
        room = len(data) + 8  # a token takes a byte at least, but for a few that SPM puts before
        tokens = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(
            self._vocabulary, data, len(data), tokens, room, False, is_control
        )
        if count < 0:
            raise ModelUnusable(f"{self._path}: its vocabulary cannot spell a text; train again")
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """The bytes of a token, which may end inside a character."""
        length = llama_cpp.llama_token_to_piece(
            self._vocabulary, token, self._buffer, _PIECE, 0, False
        )
        return self._buffer.raw[: max(length, 0)]

    def ends_turn(self, token: int) -> bool:
        """Whether a token closes the turn: an end token, or any other control token."""
        return bool(
            llama_cpp.llama_vocab_is_eog(self._vocabulary, token)
            or llama_cpp.llama_vocab_is_control(self._vocabulary, token)
        )

    def read(
        self, ids: Sequence[int], *, stream: int, position: int, is_scored: bool = False
    ) -> None:
        """Read at most BATCH_TOKENS on from ``position``, which is where the stream ends.

        Afterwards the next token can be drawn; where ``is_scored``, :meth:`surprise` can tell what
        follows each. Raises Aborted, or SpeakingFailed where llama.cpp fails; the stream is of no
        use from ``position`` on then.
        """
        batch = self._batch
        last = len(ids) - 1
        batch.n_tokens = len(ids)
        for place, token in enumerate(ids):
            batch.token[place] = token
            batch.pos[place] = position + place
            batch.n_seq_id[place] = 1
            batch.seq_id[place][0] = stream
            batch.logits[place] = is_scored or place == last
        code = llama_cpp.llama_decode(self._context, batch)
        if code == _ABORTED:
            raise Aborted
        if code:
            raise SpeakingFailed(f"{self._path}: llama.cpp failed ({code}); reload the model")

    def surprise(self, token: int, place: int = -1) -> float:
        """Nats of ``token`` right behind ``place`` of what was read last (-1: behind its end)."""
        row = llama_cpp.llama_get_logits_ith(self._context, place)
        address = ctypes.cast(row, ctypes.POINTER(ctypes.c_float))
        size = llama_cpp.llama_vocab_n_tokens(self._vocabulary)
        logits = np.ctypeslib.as_array(address, shape=(size,)).astype(np.float64)
        top = logits.max()
        return float(top + np.log(np.exp(logits - top).sum()) - logits[token])

    def forget(self, stream: int, start: int) -> bool:
        """Drop what a stream holds from ``start`` on; False where this kind of model cannot."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, stream, start, -1))

    def copy(self, source: int, target: int) -> None:
        """Make an emptied stream hold what another does (11 ms for 48 MB, reading one on)."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def follow_load(self) -> None:
        """Without a fixed number of threads, use as many as the machine has idle."""
        used = self._threads or idle_cores()
        llama_cpp.llama_set_n_threads(self._context, used, used)

    @contextmanager
    def drawing(self, sampling: Sampling, seed: int) -> Iterator[Callable[[], int]]:
        """Gives what draws the next token, after each read."""
        chain = _chain(sampling, seed, llama_cpp.llama_vocab_n_tokens(self._vocabulary))
        try:
            yield lambda: int(llama_cpp.llama_sampler_sample(chain, self._context, -1))
        finally:
            llama_cpp.llama_sampler_free(chain)

    def set_abort(self, callback: Callable[[ctypes.c_void_p], None]) -> None:
        """Ask ``callback`` between the nodes of the graph whether to go on."""
        if self._context is not None:
            llama_cpp.llama_set_abort_callback(self._context, callback, ctypes.c_void_p(0))

    def _opened(self, context_tokens: int) -> Any:
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = context_tokens * self.streams
        settings.n_batch = settings.n_ubatch = BATCH_TOKENS
        settings.n_seq_max = self.streams
        # Every stream has a buffer of its own: in one for all, reading 30 tokens on beside nine
        # other chats took 282 ms instead of 82 (SmolLM2, 1,200 tokens each).
        settings.kv_unified = False
        settings.swa_full = True  # or what was read could not be taken up again at an earlier place
        # On a processor slower: 30 tokens after 1,200 took 119 ms with it, 81 ms without.
        settings.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        settings.n_threads = settings.n_threads_batch = self._threads or idle_cores()
        settings.no_perf = True
        context = llama_cpp.llama_init_from_model(self._model, settings)
        if context is None:
            llama_cpp.llama_model_free(self._model)
            raise ModelUnusable(
                f"{self._path}: no memory for {self.streams} conversations of {context_tokens} "
                f"tokens ({_reason()}); lower generate.chats or generate.context_tokens"
            )
        return context


def _loaded(path: Path) -> Any:
    if not path.is_file():
        raise ModelUnusable(f"{path}: no such model file; `atself models list` shows what there is")
    # Set before loading and for good: llama.cpp and ggml (Metal, CUDA) share this one sink.
    llama_cpp.llama_log_set(_log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    _last_errors.clear()
    settings = llama_cpp.llama_model_default_params()
    settings.n_gpu_layers = -1  # nothing to offload to in a CPU build; all of it in a GPU build
    # Repacked weights multiply four tokens in another way than one, so that a reply would hang on
    # where reading was taken up. Without, Gemma's Q4_K_M gave the same logits in all of a dozen
    # ways of reading but one (KL 7e-7), and was no slower on x86-64: 512 tokens in 541 ms (repacked
    # 554), one in 11.3 (11.4). Q8_0 and Q4_1 are the same either way.
    settings.use_extra_bufts = platform.machine() not in ("x86_64", "AMD64")
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), settings)
    if model is None:
        raise ModelUnusable(
            f"{path}: llama.cpp cannot load it ({_reason()}); fetch or train the model again"
        )
    return model


def _reason() -> str:
    return _last_errors[-1] if _last_errors else "it does not say why"


def _bytes_per_token(model: Any) -> int:
    """What a token that was read takes in memory: a key and a value per layer and head."""
    heads = llama_cpp.llama_model_n_head(model)
    usual = llama_cpp.llama_model_n_embd(model) // max(1, heads)
    architecture = _noted(model, "general.architecture")
    sizes = [_noted(model, f"{architecture}.attention.{what}_length") for what in ("key", "value")]
    pair = sum(int(size) if size.isdigit() else usual for size in sizes)
    layers = llama_cpp.llama_model_n_layer(model)
    return int(layers * llama_cpp.llama_model_n_head_kv(model) * pair * _F16)


def _noted(model: Any, name: str) -> str:
    buffer = ctypes.create_string_buffer(_PIECE)
    length = llama_cpp.llama_model_meta_val_str(model, name.encode(), buffer, _PIECE)
    return buffer.value.decode("utf-8", "replace") if length > 0 else ""


def _chain(sampling: Sampling, seed: int, vocabulary: int) -> Any:
    """How a token is drawn, step by step (llama.h, Sampling API)."""
    steps = [
        llama_cpp.llama_sampler_init_top_k(TOP_K),
        llama_cpp.llama_sampler_init_penalties(
            vocabulary, PENALISED, sampling.repeat_penalty, 0.0, 0.0
        ),
    ]
    if sampling.temperature <= 0:
        steps.append(llama_cpp.llama_sampler_init_greedy())
    else:
        steps += [
            llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1),
            llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1),
            llama_cpp.llama_sampler_init_temp(sampling.temperature),
            llama_cpp.llama_sampler_init_dist(seed % _SEEDS),
        ]
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    for step in steps:  # the chain owns its steps and frees them
        llama_cpp.llama_sampler_chain_add(chain, step)
    return chain


class AbortSwitch:
    """Lets a prompt that is being read be given up, within milliseconds instead of batches."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._cancelled: Callable[[], bool] = never
        self._interrupt: BaseException | None = None
        self.is_thrown = False
        # Kept as long as the model: llama.cpp holds the bare pointer.
        self._callback = llama_cpp.ggml_abort_callback(self._check)

    @contextmanager
    def watching(self, cancelled: Callable[[], bool]) -> Iterator[AbortSwitch]:
        """Ask ``cancelled`` between the nodes of the graph; Ctrl-C meanwhile is raised after."""
        self._cancelled, self._interrupt, self.is_thrown = cancelled, None, False
        self._model.set_abort(self._callback)
        try:
            yield self
        finally:
            self._model.set_abort(llama_cpp.ggml_abort_callback())
            if self._interrupt is not None:
                raise self._interrupt

    def _check(self, _data: ctypes.c_void_p) -> bool:
        try:
            self.is_thrown = self.is_thrown or self._cancelled()
        except BaseException as error:  # ctypes would print and swallow it
            self._interrupt, self.is_thrown = error, True
        return self.is_thrown
