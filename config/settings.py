"""Settings: typed, frozen, and the only code that reads configuration files and the environment.

Layers, weakest first: the defaults in ``config.sections``, ``config/default.toml``, the preset
named by ``train.preset``, ``config.toml`` in the home folder, ``ATSELF_SECTION__KEY`` in the
environment, and what a command was told. Every layer is checked for unknown keys on its own, so
that an error can name the file, the key, and the nearest key that exists.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.bots import Bot, Discord, Schedule, Serve, Talk, Telegram
from config.errors import SettingsError
from config.kinds import Section
from config.sections import (
    Card,
    Dataset,
    Generate,
    Hosted,
    Ingest,
    Media,
    Persona,
    Recall,
    Threads,
    Train,
)

__all__ = [
    "Bot",
    "Card",
    "Dataset",
    "Discord",
    "Generate",
    "Home",
    "Hosted",
    "Ingest",
    "Media",
    "Persona",
    "Recall",
    "Schedule",
    "Section",
    "Serve",
    "Settings",
    "Talk",
    "Telegram",
    "Threads",
    "Train",
    "load",
    "presets",
]

FOLDER = Path(__file__).parent
PREFIX = "ATSELF_"
NOT_SETTINGS = frozenset({"ATSELF_HOME"})  # belongs to the --home option

Values = Mapping[str, Mapping[str, object]]


class Settings(BaseSettings):
    """Every setting; built by :func:`load`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX)

    persona: Persona = Persona()
    ingest: Ingest = Ingest()
    media: Media = Media()
    threads: Threads = Threads()
    dataset: Dataset = Dataset()
    train: Train = Train()
    card: Card = Card()
    hosted: Hosted = Hosted()
    recall: Recall = Recall()
    generate: Generate = Generate()
    bot: Bot = Bot()
    telegram: Telegram = Telegram()
    discord: Discord = Discord()
    talk: Talk = Talk()
    schedule: Schedule = Schedule()
    serve: Serve = Serve()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what :func:`load` merged: a bare ``Settings()`` depends on nothing outside."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds one persona, and where everything in it lies."""

    path: Path

    @property
    def config(self) -> Path:
        """The user's settings."""
        return self.path / "config.toml"

    @property
    def archive(self) -> Path:
        """The one store of messages."""
        return self.path / "archive.sqlite"

    @property
    def dataset(self) -> Path:
        """Training, validation and test windows, and their manifest."""
        return self.path / "dataset"

    @property
    def writings(self) -> Path:
        """Questions and answers about own writings."""
        return self.path / "writings"

    @property
    def exports(self) -> Path:
        """The dataset in the forms of other trainers."""
        return self.path / "exports"

    @property
    def runs(self) -> Path:
        """Scratch space of training runs."""
        return self.path / "runs"

    @property
    def hosted(self) -> Path:
        """Runs of hosted fine-tuning: what was sent, and how far they are."""
        return self.path / "hosted"

    @property
    def replies(self) -> Path:
        """What the explicit replies of the chats taught about who answers what: numbers alone."""
        return self.path / "replies.json"

    @property
    def state(self) -> Path:
        """What the bots must remember over a restart: messages in work, what admins decided."""
        return self.path / "bot.sqlite"

    @property
    def manner(self) -> Path:
        """How @self types: lengths of bursts, delays, quoting; numbers alone."""
        return self.path / "manner.json"

    @property
    def backups(self) -> Path:
        """Copies of archive and state, made on schedule."""
        return self.path / "backups"

    @property
    def models(self) -> Path:
        """The registry of finished models."""
        return self.path / "models"

    @property
    def evaluations(self) -> Path:
        """Rehearsals and what they measured, a folder each."""
        return self.path / "evaluations"

    @property
    def gate(self) -> Path:
        """When @self speaks, as learned from the archive: numbers alone."""
        return self.path / "gate.json"

    @property
    def gate_rows(self) -> Path:
        """What the learned gate made of each message of the time it was judged on: ids, numbers."""
        return self.path / "gate.jsonl"

    @property
    def index(self) -> Path:
        """The Chroma index and its manifest."""
        return self.path / "index"

    @property
    def bases(self) -> Path:
        """Base models assembled from packages."""
        return self.path / "bases"

    @property
    def logs(self) -> Path:
        """Logs of training and of the bots."""
        return self.path / "logs"


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings; ``name`` is how errors call it."""

    name: str
    values: Values
    is_environment: bool = False

    def spelled(self, section: str, key: str) -> str:
        """A setting as this source writes it."""
        if self.is_environment:
            return f"{PREFIX}{section}__{key}".upper().removesuffix("__")
        return f"{section}.{key}"


def load(home: Path, **overrides: object) -> Settings:
    """The settings of the persona in ``home``.

    ``overrides`` are ``section__key=value`` (or ``section={key: value}``), usually options of a
    command; None means the option was not given. Raises SettingsError naming source and key.
    """
    layers = [
        _file_layer(FOLDER / "default.toml"),
        _file_layer(Home(home).config),
        Layer("environment", _environment(os.environ), is_environment=True),
        Layer("command line", _overrides(overrides)),
    ]
    for layer in layers:
        _refuse_unknown(layer)
    preset = str(_merge(layers).get("train", {}).get("preset", Train().preset))
    layers.insert(1, _preset_layer(preset))
    try:
        return Settings.model_validate(_merge(layers))
    except ValidationError as error:
        raise _explain(error, layers) from None


def presets() -> tuple[str, ...]:
    """Names ``train.preset`` may take."""
    return tuple(sorted(path.stem for path in (FOLDER / "presets").glob("*.toml")))


def _preset_layer(name: str) -> Layer:
    if name not in presets():
        known = ", ".join(presets())
        raise SettingsError(f"train.preset: there is no preset {name!r}; there are: {known}")
    layer = _file_layer(FOLDER / "presets" / f"{name}.toml")
    _refuse_unknown(layer)
    return layer


def _file_layer(path: Path) -> Layer:
    """The layer of a TOML file; a file that is not there is an empty layer."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Layer(str(path), {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    for section, table in values.items():
        if not isinstance(table, dict):
            raise SettingsError(f"{path}: {section!r} stands outside a table{_home_of(section)}")
        _refuse_secrets(path, section, table)
    return Layer(str(path), values)


def _home_of(key: str) -> str:
    """Where a key written at the top of a file belongs, as the end of an error."""
    sections = [name for name, fields in _schema().items() if key in fields]
    if key in _schema():
        return f"; write [{key}] and its keys below it"
    return f"; it belongs under [{sections[0]}]" if sections else ""


def _refuse_secrets(path: Path, section: str, table: Mapping[str, object]) -> None:
    fields = _schema().get(section, {})
    for key in table:
        if key in fields and is_secret(fields[key]):
            variable = f"{PREFIX}{section}__{key}".upper()
            raise SettingsError(
                f"{path}: {section}.{key} is a secret; set it as {variable} in the environment"
            )


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting may come from the environment only."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _environment(variables: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """``ATSELF_TRAIN__MINUTES=3`` as ``{"train": {"minutes": "3"}}``; empty values are unset."""
    values: dict[str, dict[str, object]] = {}
    for name in sorted(variables):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS or not variables[name]:
            continue
        section, _, key = name.removeprefix(PREFIX).lower().partition("__")
        values.setdefault(section, {})[key] = variables[name]
    return values


def _overrides(given: Mapping[str, object]) -> dict[str, dict[str, object]]:
    values: dict[str, dict[str, object]] = {}
    for name, value in given.items():
        section, separator, key = name.partition("__")
        table = value if isinstance(value, Mapping) and not separator else {key: value}
        told = {key: item for key, item in table.items() if item is not None}
        values.setdefault(section, {}).update(told)
    return values


def _schema() -> dict[str, dict[str, FieldInfo]]:
    """Section → key → field."""
    return {name: dict(section.model_fields) for name, section in sections()}


def sections() -> Iterator[tuple[str, type[Section]]]:
    """Every section by name, in the order of the documentation."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield name, field.annotation


def _refuse_unknown(layer: Layer) -> None:
    schema = _schema()
    for section, table in layer.values.items():
        if section not in schema:
            key = next(iter(table), "")
            _unknown(layer, layer.spelled(section, key) if layer.is_environment else section, table)
        for key in table:
            if key not in schema[section]:
                _unknown(layer, layer.spelled(section, key), ())


def _unknown(layer: Layer, name: str, keys: Iterable[str]) -> None:
    """Raise for ``name``, with the nearest name this layer could have meant."""
    settings = [layer.spelled(section, key) for section in _schema() for key in _schema()[section]]
    candidates = settings if layer.is_environment or "." in name else list(_schema())
    nearest = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else "; see `atself init` for all settings"
    raise SettingsError(f"{layer.name}: unknown setting {name!r}{hint}")


def _merge(layers: Iterable[Layer]) -> dict[str, dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for section, table in layer.values.items():
            merged.setdefault(section, {}).update(table)
    return merged


def _explain(error: ValidationError, layers: Iterable[Layer]) -> SettingsError:
    """The first problem as one line that names the layer the value came from."""
    problem = error.errors(include_url=False, include_context=False)[0]
    section, key = str(problem["loc"][0]), str(problem["loc"][1])
    source = next(layer for layer in reversed(list(layers)) if key in layer.values.get(section, {}))
    reason = problem["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    value = "" if is_secret(_schema()[section][key]) else f" (is {problem['input']!r})"
    return SettingsError(f"{source.name}: {source.spelled(section, key)}: {reason}{value}")
