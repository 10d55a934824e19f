"""Evaluations whose files are damaged or of another version: one line, or measured again."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Home, load
from likeness.errors import LikenessError
from likeness.measured import Measures
from likeness.records import ATTEMPTS, MEASURES, PLAN, SCENES, Evaluation
from likeness.rehearsal.rehearse import _kept, _measure
from tests.likeness.made import evaluation

DAMAGES = (b'{"id": "x"}\n', b"[1]\n", b"null\n", b'{"id": "x", ')


def read(made: Evaluation, name: str) -> object:
    """One of the four files."""
    return getattr(made, name.partition(".")[0])


@pytest.mark.parametrize("name", [PLAN, SCENES, ATTEMPTS, MEASURES])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    made = evaluation(tmp_path / "x")
    made.finish(Measures((), {}).to_json())
    assert read(made, name)
    for damage in DAMAGES[: 3 if name == ATTEMPTS else 4]:
        (made.folder / name).write_bytes(damage)
        with pytest.raises(LikenessError, match=rf"{name}: not readable .* evaluate again"):
            read(made, name)


def test_damaged_measures_are_measured_again_and_damaged_picks_picked_again(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    made = evaluation(home.evaluations / "x")
    (made.folder / MEASURES).write_bytes(DAMAGES[0])
    _measure(made, home, load(home.path), has_news=False)
    assert made.measures["measures"]
    for damage in DAMAGES:
        (tmp_path / "picks.json").write_bytes(damage)
        assert _kept(tmp_path / "picks.json") is None
