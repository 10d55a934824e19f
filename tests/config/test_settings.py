"""Settings: layers, their order, and errors that name the place."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.errors import SettingsError
from config.settings import Home, Settings, load, presets


def write(home: Path, text: str) -> None:
    """The user's configuration."""
    (home / "config.toml").write_text(text, encoding="utf-8")


def complaint(home: Path, **overrides: object) -> str:
    """The one line that loading this home ends with."""
    with pytest.raises(SettingsError) as caught:
        load(home, **overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_empty_home_has_the_defaults(home: Path) -> None:
    assert load(home) == Settings()


def test_each_layer_wins_over_the_one_below(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, '[train]\npreset = "cpu-thorough"\n')
    assert load(home).train.rank == 32
    write(home, '[train]\npreset = "cpu-thorough"\nrank = 8\n')
    assert load(home).train.rank == 8
    monkeypatch.setenv("ATSELF_TRAIN__RANK", "4")
    assert load(home).train.rank == 4
    assert load(home, train__rank=2).train.rank == 2


def test_an_option_that_was_not_given_changes_nothing(home: Path) -> None:
    write(home, "[train]\nminutes = 9.0\n")
    assert load(home, train__minutes=None).train.minutes == 9


def test_overrides_may_be_a_whole_section(home: Path) -> None:
    assert load(home, recall={"passages": 2, "enabled": False}).recall.passages == 2


@pytest.mark.parametrize("name", presets())
def test_every_preset_loads(home: Path, name: str) -> None:
    assert load(home, train__preset=name).train.preset == name


def test_a_preset_named_in_the_environment_is_used(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATSELF_TRAIN__PRESET", "gpu-24gb")
    assert load(home).generate.context_tokens == 8192


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[train]\nepoch = 2\n", "unknown setting 'train.epoch'; did you mean 'train.epochs'?"),
        ("[trian]\nepochs = 2\n", "unknown setting 'trian'; did you mean 'train'?"),
        ("epochs = 2\n", "'epochs' stands outside a table; it belongs under [train]"),
        ("train = 2\n", "'train' stands outside a table; write [train] and its keys below it"),
        ("[train\n", "not valid TOML"),
        ('[train]\nepochs = "many"\n', "train.epochs: input should be a valid number"),
        ("[dataset]\ntest_share = 3\n", "less than or equal to 1 (is 3)"),
        ('[ingest]\ntime_zone = "Mars/Olympus"\n', "no IANA time zone such as Asia/Jakarta"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_it(
    home: Path, text: str, expected: str
) -> None:
    write(home, text)
    line = complaint(home)
    assert line.startswith(f"{home / 'config.toml'}: ")
    assert expected in line


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ATSELF_TRAIN__EPOCH", "2", "did you mean 'ATSELF_TRAIN__EPOCHS'?"),
        ("ATSELF_TRIAN__EPOCHS", "2", "did you mean 'ATSELF_TRAIN__EPOCHS'?"),
        ("ATSELF_TRAIN__EPOCHS", "many", "ATSELF_TRAIN__EPOCHS: input should be a valid number"),
        ("ATSELF_NONSENSE", "1", "unknown setting 'ATSELF_NONSENSE'"),
    ],
)
def test_a_mistake_in_the_environment_is_named_as_it_is_spelled_there(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    assert expected in complaint(home)


def test_a_preset_that_does_not_exist_is_refused_with_those_that_do(home: Path) -> None:
    assert "cpu-small" in complaint(home, train__preset="cpu-huge")


def test_a_secret_in_a_file_is_refused_without_repeating_it(home: Path) -> None:
    write(home, '[telegram]\ntoken = "12345:secret"\n')
    line = complaint(home)
    assert "ATSELF_TELEGRAM__TOKEN" in line
    assert "12345" not in line


def test_a_secret_from_the_environment_is_never_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATSELF_TELEGRAM__TOKEN", "12345:secret")
    token = load(home).telegram.token
    assert token is not None
    assert token.get_secret_value() == "12345:secret"
    assert "12345" not in repr(load(home))


def test_lists_in_the_environment_are_separated_by_commas(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATSELF_BOT__ADMINS", "telegram:1, discord:2")
    assert load(home).bot.admins == ("telegram:1", "discord:2")


def test_an_empty_variable_is_an_unset_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATSELF_TRAIN__EPOCHS", "")
    assert load(home) == Settings()


def test_settings_cannot_be_changed_once_loaded(home: Path) -> None:
    settings = load(home)
    with pytest.raises(ValidationError, match="frozen"):
        settings.train.rank = 1  # type: ignore[misc]


def test_everything_of_a_home_lies_in_it(home: Path) -> None:
    place = Home(home)
    parts = (place.config, place.archive, place.dataset, place.runs, place.models, place.index)
    assert {path.parent for path in (*parts, place.bases, place.logs)} == {home}
