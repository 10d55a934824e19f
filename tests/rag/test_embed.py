"""The packaged embedders, for real."""

from __future__ import annotations

import numpy as np
import pytest

from rag.embedding.models import choose_embedder, make_embedder
from rag.embedding.packaged import ENGLISH, MULTILINGUAL
from rag.embedding.protocol import Embedder
from rag.errors import EmbedderError


def made(name: str) -> Embedder:
    embedder = make_embedder(name)
    assert embedder is not None
    return embedder


@pytest.mark.parametrize("name", [ENGLISH, MULTILINGUAL])
def test_vectors_have_length_one_and_the_declared_dimension(name: str) -> None:
    vectors = made(name).embed_passages(["the key hangs behind the door", "钥匙在门后面"])
    assert vectors.shape == (2, made(name).dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "query", "about_it", "other"),
    [
        (ENGLISH, "where is the spare key?", "it hangs behind the door", "we ate noodles"),
        (MULTILINGUAL, "备用钥匙在哪里", "它挂在厨房门后面", "昨天我们吃了面条"),
    ],
)
def test_what_is_about_the_question_lies_closer(
    name: str, query: str, about_it: str, other: str
) -> None:
    near, far = made(name).embed_passages([about_it, other]) @ made(name).embed_queries([query])[0]
    assert near > far


def test_the_language_of_the_archive_chooses() -> None:
    english = ["I think that we should go to the sea in the morning, what do you say?"]
    indonesian = ["Aku pikir kita sebaiknya pergi ke pantai besok pagi, bagaimana menurutmu?"]
    assert choose_embedder(english) == ENGLISH
    assert choose_embedder(indonesian) == MULTILINGUAL
    assert choose_embedder([*english, "我觉得还是早上去海边比较好，你们说呢？"]) == MULTILINGUAL
    assert choose_embedder([]) == MULTILINGUAL


def test_none_means_words_alone() -> None:
    assert make_embedder("none") is None


def test_a_model_that_is_not_there_is_one_clear_line() -> None:
    embedder = made("/no/such/folder/of-a-model")
    with pytest.raises(EmbedderError, match=r"^recall.embedder '/no/such/folder"):
        embedder.embed_queries(["x"])
