"""`atself dataset`: build it, and see what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.console import emit_json, emit_mapping, emit_table, home_option, json_option, say, track

if TYPE_CHECKING:
    from config.settings import Home
    from ingest.dataset.manifest import DatasetManifest

_EXAMPLES = """\b
Examples:
  atself dataset                  build it from the archive
  atself dataset --json           and print its manifest
  atself dataset --report         what was left out of it, and why, with examples
  atself dataset --report --html  the same and more as a page: dataset/report.html
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--report",
    is_flag=True,
    help="What is learned and what is not, with reasons; builds nothing that is there.",
)
@click.option("--html", is_flag=True, help="With --report: write a page with histograms.")
@home_option
@json_option
def dataset(report: bool, html: bool, home: Path, as_json: bool) -> None:
    """Cut the archive into training windows: train, validation and test, split by time."""
    from config.settings import Home

    if html and not report:
        raise click.UsageError("--html goes with --report")
    place = Home(home)
    if not report:
        manifest = _build(place)
        if as_json:
            emit_json(asdict(manifest))
        else:
            _show(manifest)
        return
    if not (place.dataset / "manifest.json").exists():
        _build(place)
    if html:
        _write_page(place, as_json=as_json)
    else:
        _show_report(place, as_json=as_json)


def _build(place: Home) -> DatasetManifest:
    from datetime import UTC, datetime

    from config.settings import load
    from ingest.archive import Archive
    from ingest.dataset.build import build
    from ingest.dataset.memory import recaller

    settings = load(place.path)
    pseudonyms = settings.ingest.pseudonyms
    with Archive.open(place.archive, pseudonyms=pseudonyms) as archive:
        recall = recaller(archive, settings) if settings.recall.enabled else None
        return build(
            archive,
            place.dataset,
            settings,
            now=datetime.now(UTC),
            recall=recall,
            pairs=place.writings / "pairs.jsonl",
            watch=track,
        )


def _write_page(place: Home, *, as_json: bool) -> None:
    from config.settings import load
    from ingest.archive import Archive
    from ingest.dataset.report_page import write_page

    with Archive.open(place.archive) as archive, _working("drawing the report"):
        path = write_page(place.dataset, archive, load(place.path))
    if as_json:
        emit_json({"page": str(path)})
    else:
        say(f"{path} is written; open it in a browser")


def _show_report(place: Home, *, as_json: bool) -> None:
    from ingest.dataset.manifest import read_manifest

    manifest = read_manifest(place.dataset)
    if as_json:
        emit_json(_report(manifest))
        return
    emit_table(
        ("rule", "messages", "share", "examples"),
        (
            (rule, f"{each.count:,}", f"{each.share:.2%}", ", ".join(each.examples))
            for rule, each in manifest.rules.items()
        ),
    )
    emit_mapping(_totals(manifest))


def _report(manifest: DatasetManifest) -> dict[str, Any]:
    whole = asdict(manifest)
    wanted = (
        "written", "learned", "rules", "redacted", "silence", "memory", "synthetic", "splits",
        "borders",
    )  # fmt: skip
    return {key: whole[key] for key in wanted}


def _totals(manifest: DatasetManifest) -> dict[str, str]:
    share = manifest.learned / manifest.written if manifest.written else 0.0
    silent = {
        split: ", ".join(f"{count:,} {stratum}" for stratum, count in found.items())
        for split, found in manifest.silence.get("splits", {}).items()
    }
    return {
        "written by @self": f"{manifest.written:,}",
        "learned from": f"{manifest.learned:,} ({share:.1%})",
        "redacted": _counted(manifest.redacted),
        "for the gate": "; ".join(f"{name}: {found}" for name, found in silent.items() if found)
        or "nothing",
        "memory shown": "; ".join(
            f"{split}: {_counted(found)}" for split, found in manifest.memory.items() if found
        )
        or "nothing",
        **_synthetic(manifest),
    }


def _synthetic(manifest: DatasetManifest) -> dict[str, str]:
    return {f"made of {what}": _counted(found) for what, found in manifest.synthetic.items()}


@contextmanager
def _working(what: str) -> Iterator[None]:
    from config.console import stderr

    console = stderr()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield


def _show(manifest: DatasetManifest) -> None:
    emit_table(
        ("split", "windows", "replies", "openers", "messages", "tokens (est.)"),
        (
            (name, *(f"{x:,}" for x in (s.windows, s.replies, s.openers, s.messages, s.tokens)))
            for name, s in manifest.splits.items()
        ),
    )
    languages = ", ".join(f"{code} {share:.0%}" for code, share in manifest.languages.items())
    emit_mapping(
        {
            "languages": languages,
            "left out": _counted(manifest.dropped),
            "redacted": _counted(manifest.redacted),
            **({"feedback": _counted(manifest.feedback)} if manifest.feedback else {}),
            "hash": manifest.hash,
        }
    )


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items()) or "nothing"
