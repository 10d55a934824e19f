"""From a home folder to a voice: of a trained version, of an untrained base, of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import ModelUnusable
from bot.voice import Voice
from config.settings import Home, Settings

if TYPE_CHECKING:
    from registry.artefact import ModelManifest
    from registry.store import Registry

BASE = "base"
"""The model name that stands for the base without training."""


def find_voice(home: Home, settings: Settings, model: str | None) -> Voice:
    """The voice of a trained version, of the bare base, or of the server in the settings.

    All are asked with the same head.
    """
    from registry.store import Registry

    registry = Registry(home.models)
    if model is None and settings.generate.server_url:
        return _server_voice(home, settings, registry)
    if model == BASE:
        serving = registry.serving()
        if serving and serving.remote:
            return _remote_voice(serving, settings, serving.base.id)
        trained = Voice.of(serving, registry.model_path()) if serving else None
        return base_voice(home, settings, trained, serving.base.id if serving else None)
    manifest = registry.get(model)
    if manifest.remote:
        return _remote_voice(manifest, settings)
    return Voice.of(manifest, registry.model_path(manifest.version))


def base_voice(
    home: Home, settings: Settings, trained: Voice | None = None, name: str | None = None
) -> Voice:
    """The untrained base, asked exactly as the persona is.

    ``name`` is a base of the catalogue, by default what the settings or the languages of the
    dataset choose; ``trained`` gives head and handle where a model exists, else the dataset does.
    """
    from ingest.dataset.manifest import read_manifest
    from registry.bases import choose

    dataset = None if trained and name else read_manifest(home.dataset)
    if name is None and dataset is not None:
        wanted = settings.train.base
        name = choose(dataset.languages).id if wanted == "auto" else wanted
    known = trained or dataset
    assert known is not None  # one of the two was read above
    return bare_voice(home, str(name), head=known.head, self_handle=known.self_handle)


def bare_voice(home: Home, name: str, *, head: str, self_handle: str) -> Voice:
    """An untrained base of the catalogue, or a GGUF file, asked under ``head``."""
    from ingest.markup import markup_of
    from ingest.prompt import RENDERER
    from registry.bases import locate
    from registry.gguf_header import read_header

    files = locate(name, home.bases)
    if files.gguf is None:
        raise ModelUnusable(f"base {name}: is no GGUF file, so it cannot be compared in a chat")
    header = read_header(files.gguf)
    return Voice(
        f"{BASE} {files.base.id}",
        files.gguf,
        RENDERER,
        markup_of(files.template, bos=header.bos, eos=header.eos),
        head,
        self_handle,
        header.context_tokens,
    )


def _remote_voice(manifest: ModelManifest, settings: Settings, base: str = "") -> Voice:
    """The voice of a version that answers at a server, or of its ``base`` there."""
    from bot.server import server_voice
    from ingest.prompt import RENDERER

    assert manifest.remote is not None
    if manifest.renderer != RENDERER:
        raise ModelUnusable(
            f"{manifest.version}: made for renderer {manifest.renderer}, this is {RENDERER}; "
            "train again"
        )
    return server_voice(
        manifest.remote.server_url,
        base or manifest.remote.model,
        manifest.head,
        manifest.self_handle,
        settings.generate.context_tokens,
        name=f"{BASE} {base}" if base else manifest.version,
    )


def _server_voice(home: Home, settings: Settings, registry: Registry) -> Voice:
    from bot.server import server_voice
    from ingest.dataset.manifest import read_manifest

    generate = settings.generate
    known = registry.serving() or read_manifest(home.dataset)
    return server_voice(
        str(generate.server_url),
        generate.server_model,
        known.head,
        known.self_handle,
        generate.context_tokens,
    )
