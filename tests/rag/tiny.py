"""Models small enough to make in a test, in the folders their libraries write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORDS = ("the", "key", "door", "hangs", "behind", "query", "passage", ":", "noodles", "钥", "匙")
_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


def save_sentence_model(
    folder: Path, *, prompts: Mapping[str, str] | None = None, seed: int = 0
) -> Path:
    """A sentence-transformers model of random weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    bare = folder.with_name(f"{folder.name}-bare")
    torch.manual_seed(seed)
    BertModel(_config()).save_pretrained(bare)
    _tokenizer(bare)
    transformer = Transformer(str(bare))
    pooling = Pooling(transformer.get_embedding_dimension())
    SentenceTransformer(modules=[transformer, pooling], prompts=dict(prompts or {})).save(
        str(folder)
    )
    return folder


def save_cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    """A cross-encoder of random weights."""
    torch.manual_seed(0)
    config = _config()
    config.num_labels = labels
    BertForSequenceClassification(config).save_pretrained(folder)
    _tokenizer(folder)
    return folder


def _config() -> BertConfig:
    return BertConfig(vocab_size=len(_SPECIAL + _WORDS), **_SIZES)


def _tokenizer(folder: Path) -> None:
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(_SPECIAL + _WORDS), encoding="utf-8")
    BertTokenizerFast(vocab_file=str(vocabulary)).save_pretrained(folder)
