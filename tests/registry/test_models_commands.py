"""`atself models` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from registry.commands import models
from registry.errors import RegistryError
from registry.store import Registry
from tests.registry.test_store import manifest


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    (made / "model.gguf").write_bytes(b"GGUF")
    registry = Registry(tmp_path / "models")
    registry.add(made, manifest())
    registry.add(made, manifest())
    return tmp_path


def run(home: Path, *words: str) -> object:
    result = CliRunner().invoke(
        models, [*words, "--home", str(home), "--json"], catch_exceptions=False
    )
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_promote_and_rollback_change_what_serves(home: Path) -> None:
    assert run(home, "promote", "v1") == {"serving": "v1"}
    assert run(home, "promote", "v2", "--reason", "sounds right") == {"serving": "v2"}
    listed = run(home, "list")
    assert isinstance(listed, list)
    assert [row["serving"] for row in listed] == ["", "yes"]
    assert run(home, "rollback") == {"serving": "v1"}
    shown = run(home, "show")
    assert isinstance(shown, dict)
    assert shown["version"] == "v1"


def test_an_unknown_version_is_named(home: Path) -> None:
    with pytest.raises(RegistryError, match=r"no model 'v9' \(there are: v1, v2\)"):
        run(home, "promote", "v9")
