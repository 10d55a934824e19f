"""`atself models`: list, history, show, report, promote, rollback, export, gc."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.console import emit_json, emit_mapping, emit_table, home_option, json_option, say

if TYPE_CHECKING:
    from registry.artefact import ModelManifest
    from registry.past import Happening
    from registry.store import Registry


_SHORT = 48
"""Characters of a reason in a table."""


@click.group(epilog="Example: atself models list")
def models() -> None:
    """See, choose and take back the models of @self."""


@models.command("list", epilog="Example: atself models list --json")
@home_option
@json_option
def list_models(home: Path, as_json: bool) -> None:
    """List every model, oldest first; the one that answers is marked."""
    from registry.past import latest

    registry = _registry(home)
    serving, last = registry.serving(), latest(_past(home))
    rows = [
        {
            **_summary(manifest, serving),
            **_forgotten(registry, manifest, as_json=as_json),
            "why": _why(last.get(manifest.version), as_json=as_json),
        }
        for manifest in registry.versions()
    ]
    if as_json:
        emit_json(rows)
    elif rows:
        emit_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        say(f"{registry.folder}: no models yet; run `atself train`")


@models.command("history", epilog="Example: atself models history --json")
@home_option
@json_option
def history_of_models(home: Path, as_json: bool) -> None:
    """Tell what became of each model: served, kept aside, taken back, with reasons and figures."""
    happenings = _past(home)
    if as_json:
        emit_json([each.to_json() for each in happenings])
    elif happenings:
        emit_table(
            ("when", "version", "what", "likeness", "why"),
            [
                (each.at[:16], each.version, each.what, each.gain, each.reason)
                for each in happenings
            ],
        )
    else:
        say(f"{_registry(home).folder}: nothing has happened yet; run `atself train`")


@models.command("show", epilog="Example: atself models show v2 --json")
@click.argument("version", required=False)
@home_option
@json_option
def show_model(version: str | None, home: Path, as_json: bool) -> None:
    """Show all that is known of a model (the serving one by default), and check its files."""
    registry = _registry(home)
    manifest = registry.verify(version)
    forgotten = _forgotten(registry, manifest, as_json=as_json)
    if as_json:
        emit_json({**manifest.to_json(), **forgotten})
        return
    shown = {**manifest.to_json(), **forgotten}
    if manifest.remote is not None:
        shown["remote"] = f"{manifest.remote.model} at {manifest.remote.server_url}"
    files = {f"file {name}": f"{entry.bytes:,} bytes" for name, entry in manifest.files.items()}
    nested = {
        f"{section} {key}": value
        for section in ("base", "recipe", "parity", "card")
        for key, value in shown.pop(section).items()
    }
    for long in ("head", "markup", "files"):
        shown.pop(long)
    emit_mapping({**shown, **nested, **files, "checksums": "good"})


@models.command("promote", epilog='Example: atself models promote v2 --reason "sounds right"')
@click.argument("version")
@click.option("--reason", default="by hand", show_default=True, help="Kept in the history.")
@click.option("--force", is_flag=True, help="Even if its report card fails; needs --reason.")
@home_option
@json_option
def promote_model(version: str, reason: str, force: bool, home: Path, as_json: bool) -> None:
    """Let a model answer from now on, once its files are checked and its card passes."""
    source = click.get_current_context().get_parameter_source("reason")
    if force and source is click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--force goes with --reason, which is kept in the history")
    now = datetime.now(UTC)
    _serve(_registry(home).promote(version, reason, now=now, is_forced=force), as_json)


@models.command(
    "report",
    epilog="""\b
Examples:
  atself models report                  the findings on the serving model
  atself models report v2 --open        its page with plots, in the browser
  atself models report v2 --html v2.html
""",
)
@click.argument("version", required=False)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Copy the page here.")
@click.option("--open", "is_opened", is_flag=True, help="Open the page in the browser.")
@home_option
@json_option
def report_model(
    version: str | None, html: Path | None, is_opened: bool, home: Path, as_json: bool
) -> None:
    """Show the report card of a model (the serving one by default)."""
    from registry.showing import show_report

    registry = _registry(home)
    report = registry.report(version)
    page = registry.report_page(version)
    if html is not None and page is not None:
        html.write_bytes(page.read_bytes())
        page = html
    if as_json:
        emit_json({**report, "page": page and str(page)})
    else:
        show_report(registry.get(version), report)
        say(f"page with plots: {page or 'none, the model is older than that'}")
    if is_opened and page is not None:
        click.launch(str(page))


@models.command("rollback", epilog="Example: atself models rollback")
@home_option
@json_option
def rollback_model(home: Path, as_json: bool) -> None:
    """Return to the model that answered before."""
    _serve(_registry(home).rollback(now=datetime.now(UTC)), as_json)


@models.command("export", epilog="Example: atself models export v2 --to ~/me --for ollama")
@click.argument("version", required=False)
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to write; only an earlier export is overwritten.",
)
@click.option(
    "--for",
    "program",
    type=click.Choice(["all", "ollama", "lmstudio", "msty", "llama-server"]),
    default="all",
    show_default=True,
    help="The program that is to open it.",
)
@click.option("--quantization", help="One of those kept in the model (train.keep).")
@home_option
@json_option
def export_command(
    version: str | None,
    target: Path,
    program: str,
    quantization: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """Write a model (the serving one by default) as a folder other programs open as it is."""
    from config.settings import load
    from registry.export.folder import export_model

    generate = load(home).generate
    written = export_model(
        _registry(home),
        version,
        target,
        only=program,
        quantization=quantization,
        sampling=generate.sampling,
        context_tokens=generate.context_tokens,
    )
    if as_json:
        emit_json({"folder": str(target), "model": str(written)})
    else:
        say(f"{target}: written; README.txt says how each program opens it")


@models.command("gc", epilog="Example: atself models gc --keep 3 --dry-run")
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Newest versions to keep.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@home_option
@json_option
def collect_garbage(keep: int, dry_run: bool, home: Path, as_json: bool) -> None:
    """Remove old models and leftovers; never what serves, rollback needs or a bot has loaded."""
    from config.settings import Home
    from registry.garbage import collect, to_json

    found = collect(
        _registry(home), Home(home).runs, keep=keep, now=datetime.now(UTC), dry_run=dry_run
    )
    if as_json:
        emit_json(to_json(found))
        return
    if found:
        emit_table(["kind", "bytes", "path"], [[e.kind, f"{e.bytes:,}", e.path] for e in found])
    freed = sum(each.bytes for each in found) / 1e6
    say(f"{'would free' if dry_run else 'freed'} {freed:,.1f} MB")


def _serve(manifest: ModelManifest, as_json: bool) -> None:
    if as_json:
        emit_json({"serving": manifest.version})
    else:
        say(f"{manifest.version} is serving (running bots load it when restarted)")
    if manifest.remote is not None:
        say(
            f"it answers at {manifest.remote.server_url}: what it is to answer, and what recall "
            "finds for that, is sent there"
        )


def _registry(home: Path) -> Registry:
    from config.settings import Home
    from registry.store import Registry

    return Registry(Home(home).models)


def _past(home: Path) -> list[Happening]:
    from config.settings import Home
    from registry.past import past
    from registry.retrainings import Journal

    return past(_registry(home), Journal.of(Home(home)).all())


def _why(last: Happening | None, *, as_json: bool) -> str:
    """The last that happened to a model; in a table as much as fits."""
    if last is None:
        return ""
    told = f"{last.what}: {last.reason}"
    return told if as_json or len(told) <= _SHORT else f"{told[: _SHORT - 1]}…"


def _forgotten(registry: Registry, manifest: ModelManifest, *, as_json: bool) -> dict[str, object]:
    """Who the model learned from and is to forget: how many, since when."""
    from dataclasses import asdict

    from registry.marks import forgotten_since

    marks = forgotten_since(registry.folder / manifest.version)
    if as_json:
        return {"learned_from_forgotten": [asdict(mark) for mark in marks]}
    told = f"{sum(mark.people for mark in marks)}, last {marks[-1].at[:10]}" if marks else ""
    return {"knows forgotten people": told}


def _summary(manifest: ModelManifest, serving: ModelManifest | None) -> dict[str, object]:
    persona, base = manifest.card.get("persona", {}), manifest.card.get("base", {})
    return {
        "version": manifest.version,
        "serving": "yes" if serving and serving.version == manifest.version else "",
        "created": manifest.created_at.isoformat(timespec="minutes"),
        "base": manifest.base.id,
        "stored as": manifest.quantization or "at a server",
        "card": manifest.verdict,
        "replies": manifest.card.get("replies", ""),
        "nats/token": persona.get("nats_per_token", ""),
        "of base": base.get("nats_per_token", ""),
    }
