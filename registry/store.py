"""The registry of finished models: versions side by side, and which of them is serving.

models/<version>/ holds a model; its manifest is written last and the folder renamed into place, so
that what has a manifest is whole. serving.json names the version that serves and how it came to,
removed.json the versions that were collected. Whatever changes those holds the lock of models/.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from config.locks import Lease, claimed, exclusive
from registry.artefact import (
    CARD,
    MANIFEST,
    MODEL,
    REPORT,
    REPORT_PAGE,
    FileRecord,
    ModelManifest,
    record_of,
    write_json,
)
from registry.checked import remember
from registry.errors import RegistryError
from registry.rule import require_pass

SERVING = "serving.json"
COLLECTED = "removed.json"
INCOMING = ".incoming-"
REMOVED = ".removed-"
_REMEDY = "`atself models rollback`, or train again"


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of the serving version; a rollback returns to the one before.

    ``is_overruled`` where the version's card failed and somebody insisted.
    """

    version: str
    reason: str
    at: str
    is_rollback: bool = False
    is_overruled: bool = False


class Registry:
    """The models of one persona, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def versions(self) -> list[ModelManifest]:
        """Every whole version, oldest first."""
        return [ModelManifest.read(path) for path in self._folders()]

    def get(self, version: str | None = None) -> ModelManifest:
        """A version's manifest, by default of the one that serves. Raises RegistryError."""
        name = version or self._serving_name()
        if not name:
            raise RegistryError(f"{self.folder}: no model is serving yet; run `atself train`")
        if not _is_name(name) or not (self.folder / name / MANIFEST).is_file():
            known = ", ".join(path.name for path in self._folders()) or "none"
            raise RegistryError(f"{self.folder}: there is no model {name!r} (there are: {known})")
        return ModelManifest.read(self.folder / name)

    def serving(self) -> ModelManifest | None:
        """The manifest of the serving version, or None before the first promotion."""
        return self.get() if self._serving_name() else None

    def model_path(self, version: str | None = None) -> Path:
        """The GGUF of a version, by default of the one that serves. RegistryError if remote."""
        manifest = self.get(version)
        if manifest.remote is not None:
            raise RegistryError(
                f"{self.folder}: {manifest.version} answers at {manifest.remote.server_url} and "
                "has no model file here; choose another version"
            )
        return self.folder / manifest.version / MODEL

    def add(self, folder: Path, manifest: ModelManifest) -> ModelManifest:
        """Take in the files of ``folder`` (with ``model.gguf``, unless remote) as a new version.

        All or nothing: an interruption leaves a hidden folder that is never listed.
        Returns the manifest as stored, with version and checksums. Raises RegistryError.
        """
        if manifest.remote is None and not (folder / MODEL).is_file():
            raise RegistryError(f"{folder}: holds no {MODEL}; nothing was added")
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder):
            self._sweep()
            incoming = Path(mkdtemp(prefix=INCOMING, dir=self.folder))
            lease = Lease(incoming)
        incoming.chmod(0o755)
        try:
            return self._take(folder, incoming, manifest)
        except OSError as error:
            raise RegistryError(f"{self.folder}: the model was not added ({error})") from error
        finally:
            lease.release()
            shutil.rmtree(incoming, ignore_errors=True)

    def promote(
        self, version: str, reason: str, *, now: datetime, is_forced: bool = False
    ) -> ModelManifest:
        """Let ``version`` serve from now on.

        Raises RegistryError where it is damaged, or where its card fails and nobody insists.
        """
        self.check(version, is_forced=is_forced)
        with exclusive(self.folder):
            manifest = self.get(version)  # it may have been collected while it was read
            if version != self._serving_name():
                is_overruled = manifest.verdict == "fail"
                promotion = Promotion(version, reason, now.isoformat(), is_overruled=is_overruled)
                self._record(promotion)
        return manifest

    def check(self, version: str, *, is_forced: bool = False) -> ModelManifest:
        """Whether ``version`` may serve, without letting it; raises as :meth:`promote` does."""
        manifest = self.verify(version)
        require_pass(manifest, is_forced=is_forced)
        return manifest

    def report(self, version: str | None = None) -> Mapping[str, Any]:
        """The report card of a version; of older ones what their manifest knows."""
        manifest = self.get(version)
        for name in (REPORT, CARD):
            path = self.folder / manifest.version / name
            try:
                found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                raise RegistryError(f"{path}: not readable ({error}); train again") from error
            return found
        return manifest.card

    def report_page(self, version: str | None = None) -> Path | None:
        """The page of the report card; None for models older than that."""
        path = self.folder / self.get(version).version / REPORT_PAGE
        return path if path.is_file() else None

    def rollback(self, *, now: datetime, reason: str = "rollback") -> ModelManifest:
        """Return to the version that served before. Raises RegistryError where there is none."""
        if not self.folder.is_dir():
            raise RegistryError(f"{self.folder}: no models yet; run `atself train`")
        with exclusive(self.folder):
            manifest = self.verify(earlier := self.earlier())
            self._record(Promotion(earlier, reason, now.isoformat(), is_rollback=True))
        return manifest

    def earlier(self) -> str:
        """The version a rollback returns to. Raises RegistryError where there is none."""
        earlier = self._earlier()
        if earlier is None:
            raise RegistryError(f"{self.folder}: no earlier version has served; nothing changed")
        return earlier

    def needed(self) -> set[str]:
        """Versions that must stay: the one that serves, and the one a rollback returns to."""
        return {name for name in (self._serving_name(), self._earlier()) if name}

    def note_removed(self, manifest: ModelManifest, *, now: datetime) -> None:
        """Remember a version that is about to be removed; its number is not given again."""
        entry = {
            "version": manifest.version,
            "created_at": manifest.created_at.isoformat(),
            "removed_at": now.isoformat(),
        }
        others = [known for known in self.removed() if known["version"] != manifest.version]
        write_json(self.folder / COLLECTED, [*others, entry])

    def removed(self) -> list[dict[str, str]]:
        """The versions that were collected, oldest first. Raises RegistryError."""
        path = self.folder / COLLECTED
        try:
            return [dict(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            raise RegistryError(f"{path}: not readable ({error}); remove it") from error

    def verify(self, version: str | None = None) -> ModelManifest:
        """Check every file against its checksum. Raises RegistryError naming the damaged one."""
        manifest = self.get(version)
        for name, expected in manifest.files.items():
            _check(self.folder / manifest.version / name, expected)
        return manifest

    def history(self) -> list[Promotion]:
        """Every promotion and rollback, oldest first."""
        path = self.folder / SERVING
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return [Promotion(**entry) for entry in data["history"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RegistryError(
                f"{path}: not readable ({error}); remove it and promote a version again"
            ) from error

    def _take(self, folder: Path, incoming: Path, manifest: ModelManifest) -> ModelManifest:
        for source in _files_in(folder):
            _link(source, incoming / source.relative_to(folder))
        if not (incoming / REPORT).exists():
            write_json(incoming / REPORT, dict(manifest.card))
        files = {
            path.relative_to(incoming).as_posix(): record_of(path) for path in _files_in(incoming)
        }
        with exclusive(self.folder):
            stored = replace(manifest, version=self._next_version(), files=files)
            stored.write(incoming)
            incoming.rename(self.folder / stored.version)
            if MODEL in files:
                remember(self.folder / stored.version / MODEL, files[MODEL])
        return stored

    def _folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        whole = [path for path in self.folder.glob("v*") if (path / MANIFEST).is_file()]
        return sorted(whole, key=lambda path: (_number(path.name), path.name))

    def _next_version(self) -> str:
        names = [path.name for path in self.folder.glob("v*")]
        names += [path.name.removeprefix(REMOVED) for path in self.folder.glob(f"{REMOVED}*")]
        names += [entry["version"] for entry in self.removed()]
        names += [promotion.version for promotion in self.history()]
        return f"v{max(map(_number, names), default=0) + 1}"

    def _sweep(self) -> None:
        """Remove what interrupted additions left behind; those at work hold their folder."""
        for path in self.folder.glob(f"{INCOMING}*"):
            with claimed(path) as is_free:
                if is_free:
                    shutil.rmtree(path, ignore_errors=True)

    def _serving_name(self) -> str:
        history = self.history()
        return history[-1].version if history else ""

    def _earlier(self) -> str | None:
        """What a rollback returns to: the last version before the serving one that is there."""
        stack: list[str] = []
        for promotion in self.history():
            if promotion.is_rollback:
                while stack and stack[-1] != promotion.version:
                    stack.pop()
            else:
                stack.append(promotion.version)
        there = {path.name for path in self._folders()}
        return next((name for name in reversed(stack[:-1]) if name in there), None)

    def _record(self, promotion: Promotion) -> None:
        history = [asdict(entry) for entry in (*self.history(), promotion)]
        write_json(self.folder / SERVING, {"version": promotion.version, "history": history})


def _check(path: Path, expected: FileRecord) -> None:
    if not path.is_file():
        raise RegistryError(f"{path}: missing; {_REMEDY}")
    if path.stat().st_size != expected.bytes or record_of(path) != expected:
        raise RegistryError(f"{path}: damaged (its checksum differs); {_REMEDY}")


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _link(source: Path, target: Path) -> None:
    """A hard link where the disk allows it (no second copy of a large file), else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _is_name(version: str) -> bool:
    return version not in {"", ".", ".."} and Path(version).name == version


def _number(version: str) -> int:
    digits = version.removeprefix("v")
    return int(digits) if digits.isdigit() else 0
