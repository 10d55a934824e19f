"""The forward pass of BERT-like sentence encoders, as fast as a processor allows.

Token and position embeddings, layers of attention and two products each, the mean over the tokens
(Devlin et al. 2019, arXiv:1810.04805; Reimers and Gurevych 2019, arXiv:1908.10084). Both packaged
models are of this shape. Query, key and value are one product, attention is two products and the
library's softmax (PyTorch's fused attention takes more than twice as long here, see docs/speed.md),
and weights are bfloat16 where the processor multiplies it.

Vectors stay comparable between machines: bfloat16 against float32 gives cosines above .999 of the
same text, and a test holds that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors

_QKV = ("query", "key", "value")


@dataclass(frozen=True, slots=True)
class Shape:
    """Layers, attention heads per layer, and the epsilon of the normalisations."""

    layers: int
    heads: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class _Affine:
    weight: Tensor
    bias: Tensor


@dataclass(frozen=True, slots=True)
class _Layer:
    qkv: _Affine
    mixed: _Affine
    after_mixed: _Affine
    up: _Affine
    down: _Affine
    after_down: _Affine


class Encoder:
    """Token ids to sentence vectors.

    ``weights`` are named as in the checkpoints of BERT; ``words`` returns the embeddings of ids of
    any shape, ids' shape and channels.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        shape: Shape,
        words: Callable[[Tensor], Tensor],
        dtype: torch.dtype | None = None,
    ) -> None:
        self._device = _device()
        self._dtype = dtype or fast_type(self._device)
        self._shape, self._words = shape, words
        place = weights["embeddings.position_embeddings.weight"]
        self._places = self._kept(place + weights["embeddings.token_type_embeddings.weight"][0])
        self._first = self._affine(weights, "embeddings.LayerNorm")
        self._layers = [self._layer(weights, number) for number in range(shape.layers)]

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return int(self._places.shape[1])

    def vectors(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """Vectors of length 1, (texts, dimension) in float32, of the token ids of each text."""
        with torch.inference_mode():
            ids, inside = self._padded(texts)
            states = self._states(ids, inside).float()
            mean = (states * inside[..., None]).sum(1) / inside.sum(1, keepdim=True)
            found: Vectors = functional.normalize(mean, dim=-1).cpu().numpy()
        return found

    def _states(self, ids: Tensor, inside: Tensor) -> Tensor:
        words = self._words(ids).to(self._device, self._dtype)
        states = self._normed(words + self._places[: ids.shape[1]], self._first)
        barrier = None if bool(inside.all()) else self._barrier(inside)
        for layer in self._layers:
            mixed = _linear(self._attention(states, layer.qkv, barrier), layer.mixed)
            states = self._normed(states + mixed, layer.after_mixed)
            middle = functional.gelu(_linear(states, layer.up))
            states = self._normed(states + _linear(middle, layer.down), layer.after_down)
        return states

    def _attention(self, states: Tensor, qkv: _Affine, barrier: Tensor | None) -> Tensor:
        rows, tokens, channels = states.shape
        heads = self._shape.heads
        split = _linear(states, qkv).view(rows, tokens, 3, heads, channels // heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).reshape(3, rows * heads, tokens, -1)
        scores = torch.bmm(query, key.transpose(1, 2))
        if barrier is not None:
            scores.view(rows, heads, tokens, tokens).add_(barrier)
        mixed = torch.bmm(torch.softmax(scores, -1), value)
        return mixed.view(rows, heads, tokens, -1).transpose(1, 2).reshape(rows, tokens, channels)

    def _normed(self, states: Tensor, by: _Affine) -> Tensor:
        size = (states.shape[-1],)
        return functional.layer_norm(states, size, by.weight, by.bias, self._shape.epsilon)

    def _padded(self, texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Ids (texts, tokens), zero where a text has ended, and where it has not."""
        lengths = torch.tensor([len(text) for text in texts])
        inside = torch.arange(int(lengths.max())) < lengths[:, None]
        ids = torch.zeros(inside.shape, dtype=torch.long)
        ids[inside] = torch.tensor([token for text in texts for token in text])
        return ids, inside.to(self._device)

    def _barrier(self, inside: Tensor) -> Tensor:
        """What to add to attention scores, (rows, 1, 1, tokens), so that padding is not seen."""
        zero = torch.zeros(inside.shape, dtype=self._dtype, device=self._device)
        return zero.masked_fill_(~inside, float("-inf"))[:, None, None, :]

    def _layer(self, weights: Mapping[str, Tensor], number: int) -> _Layer:
        name = f"encoder.layer.{number}."
        return _Layer(
            qkv=self._joined(weights, f"{name}attention.self."),
            mixed=self._affine(weights, f"{name}attention.output.dense"),
            after_mixed=self._affine(weights, f"{name}attention.output.LayerNorm"),
            up=self._affine(weights, f"{name}intermediate.dense"),
            down=self._affine(weights, f"{name}output.dense"),
            after_down=self._affine(weights, f"{name}output.LayerNorm"),
        )

    def _joined(self, weights: Mapping[str, Tensor], name: str) -> _Affine:
        """Query, key and value as one product, the scale of the scores already in the query."""
        channels = weights[f"{name}query.weight"].shape[0]
        scale = (channels // self._shape.heads) ** -0.5
        parts = [
            [weights[f"{name}{part}.{kind}"] * (scale if part == "query" else 1.0) for part in _QKV]
            for kind in ("weight", "bias")
        ]
        return _Affine(self._kept(torch.cat(parts[0])), self._kept(torch.cat(parts[1])))

    def _affine(self, weights: Mapping[str, Tensor], name: str) -> _Affine:
        return _Affine(self._kept(weights[f"{name}.weight"]), self._kept(weights[f"{name}.bias"]))

    def _kept(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._device, self._dtype).contiguous()


def fast_type(device: Any) -> torch.dtype:
    """bfloat16 where it is multiplied at full speed, else float32."""
    if torch.device(device).type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    flags = torch.cpu.get_capabilities()
    has_it = any(flags.get(name, False) for name in ("avx512_bf16", "amx_bf16", "arm_bf16"))
    return torch.bfloat16 if has_it else torch.float32


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _linear(states: Tensor, by: _Affine) -> Tensor:
    return functional.linear(states, by.weight, by.bias)
