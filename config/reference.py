"""The settings as text, generated from their types: TOML files and the table in the docs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap
from types import NoneType, UnionType
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from config.settings import PREFIX, is_secret, sections

HEADING = """\
# Settings of this persona. Lines show defaults (or an example, where a setting is unset by
# default): take away the `#` and change the value.
# Unknown keys are refused. Tokens and keys belong in the environment: see config/example.env.
"""
DEFAULTS_HEADING = """\
# The defaults, as one file to read. Generated from config/sections.py by `make docs`; change them
# there, or for one persona in config.toml of its home folder (`atself init` writes one).
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting: what the docs tell about it."""

    section: str
    key: str
    kind: str
    default: object
    example: object
    description: str
    is_secret: bool

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"{PREFIX}{self.section}__{self.key}".upper()

    @property
    def default_text(self) -> str:
        """The default as the table shows it."""
        if self.default in (None, "", ()):
            return "unset"
        return f"`{_value(self.default)}`"


def entries() -> Iterator[Entry]:
    """Every setting, in the order of the documentation."""
    for name, section in sections():
        for key, field in section.model_fields.items():
            yield Entry(
                section=name,
                key=key,
                kind=_kind(field),
                default=field.default,
                example=(field.examples or [None])[0],
                description=" ".join((field.description or "").split()),
                is_secret=is_secret(field),
            )


def describe(section: str) -> str:
    """What a section is for."""
    return " ".join((dict(sections())[section].__doc__ or "").split())


def home_toml() -> str:
    """What ``atself init`` writes: every setting explained, all of them commented out."""
    return HEADING + "".join(_tables(is_commented=True))


def default_toml() -> str:
    """``config/default.toml``: every setting that has a default, with it."""
    return DEFAULTS_HEADING + "".join(_tables(is_commented=False))


def _tables(*, is_commented: bool) -> Iterator[str]:
    for name, _ in sections():
        yield f"\n{_comment(describe(name))}[{name}]\n"
        for entry in entries():
            if entry.section == name and not entry.is_secret:
                yield _comment(entry.description) + _line(entry, is_commented=is_commented)


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in wrap(text, 96, break_on_hyphens=False))


def _line(entry: Entry, *, is_commented: bool) -> str:
    if entry.default is None:
        return f"# {entry.key} = {_value(entry.example)}\n"
    return f"{'# ' if is_commented else ''}{entry.key} = {_value(entry.default)}\n"


def _value(value: object) -> str:
    """A TOML value; for the types used here TOML is spelled like JSON."""
    return json.dumps(value, ensure_ascii=False)


def _kind(field: FieldInfo) -> str:
    annotation = field.annotation
    if get_origin(annotation) is UnionType:
        annotation = next(kind for kind in get_args(annotation) if kind is not NoneType)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) is tuple:
        return "list of text"
    names = {bool: "true/false", int: "whole number", float: "number"}
    return names.get(annotation, "text") if isinstance(annotation, type) else "text"
