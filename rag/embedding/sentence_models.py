"""Any sentence-transformers model by its Hugging Face id, or in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.embedding.batching import embed_in_batches
from rag.embedding.loading import loaded, unload
from rag.embedding.packaged import ENGLISH, LONGEST, MULTILINGUAL, require
from rag.embedding.prior import E5, MINILM
from rag.embedding.weights import fingerprint
from rag.errors import EmbedderError

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors

# Batches are cut by characters here, since each model has its own tokens: about four to one in
# Latin scripts.
_CHARACTERS = 8192
_PASSAGE_PROMPTS = ("document", "passage", "corpus")


class SentenceTransformersEmbedder:
    """A model that sentence-transformers loads; nothing is downloaded for a folder.

    What the model declares to be put before queries and documents is put there; e5 models that
    declare nothing get their ``query:`` and ``passage:`` by name.
    """

    def __init__(self, name: str) -> None:
        require("sentence_transformers")
        self._name = name
        parts = re.split(r"[^a-z0-9]+", Path(name).name.lower())
        self._is_e5 = "e5" in parts and "instruct" not in parts

    @property
    def name(self) -> str:
        """As written in ``recall.embedder``."""
        return self._name

    @property
    def version(self) -> str:
        """A fingerprint of the weights, which are loaded (and downloaded) for it."""
        folder = Path(self._name)
        if not folder.is_dir():
            self._model()
            folder = _downloaded(self._name)
        return f"weights {fingerprint(folder)}"

    @property
    def dimension(self) -> int:
        """Numbers per vector; the model is loaded to tell."""
        return int(self._model().get_embedding_dimension())

    def warm(self) -> None:
        """Load the weights and run once."""
        self.embed_queries(["?"])

    def close(self) -> None:
        """Give the memory back."""
        unload(self._key)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is searched."""
        prompts: Mapping[str, str] = self._model().prompts
        declared = (prompts[name] for name in _PASSAGE_PROMPTS if prompts.get(name))
        return self._encode(texts, next(declared, "passage: " if self._is_e5 else ""))

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is asked."""
        declared = self._model().prompts.get("query")
        return self._encode(texts, declared or ("query: " if self._is_e5 else ""))

    def floor(self, query: str) -> float:
        """That of MiniLM, or e5's much higher one: a guess, until one is fitted."""
        return (E5 if self._is_e5 else MINILM).floor(query)

    @property
    def _key(self) -> tuple[str, str]:
        return ("sentence-transformers", self._name)

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        model = self._model()

        def embed(batch: list[int]) -> Vectors:
            vectors: Vectors = model.encode(
                [texts[place] for place in batch],
                prompt=prompt,
                batch_size=len(batch),
                normalize_embeddings=True,
                show_progress_bar=False,
            )
            return vectors

        lengths = [len(text.encode()) for text in texts]
        return embed_in_batches(lengths, embed, self.dimension, _CHARACTERS)

    def _model(self) -> Any:
        try:
            return loaded(self._key, self._load)
        except (OSError, ValueError) as error:
            first = str(error).strip().splitlines()[0]
            raise EmbedderError(
                f"recall.embedder {self._name!r} cannot be loaded ({first}); give a packaged "
                f"model ({ENGLISH}, {MULTILINGUAL}), a folder, or a Hugging Face id"
            ) from error

    def _load(self) -> Any:
        """The model, in bfloat16 where the processor multiplies it; the import takes seconds."""
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        from sentence_transformers import SentenceTransformer

        from rag.embedding.encoder import fast_type

        model = SentenceTransformer(self._name, local_files_only=Path(self._name).is_dir())
        model.max_seq_length = min(model.max_seq_length or LONGEST, LONGEST)
        return model.to(dtype=fast_type(model.device))


def _downloaded(name: str) -> Path:
    """The folder in the Hugging Face cache with the files of a model."""
    from huggingface_hub import try_to_load_from_cache

    full = name if "/" in name else f"sentence-transformers/{name}"
    for file in ("modules.json", "config.json"):
        found = try_to_load_from_cache(full, file)
        if isinstance(found, str):
            return Path(found).parent
    raise EmbedderError(f"recall.embedder {name!r}: no model of that name in the cache")
