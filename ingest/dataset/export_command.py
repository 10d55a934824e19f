"""`atself export`: the dataset for other trainers."""

from __future__ import annotations

from pathlib import Path

import click

from config.console import emit_json, emit_table, home_option, json_option

NAMES = ("trl", "openai", "pairs", "conversation", "transcript", "sharegpt", "autotrain")
EXAMPLES = """\b
Examples:
  atself export trl                      → persona/exports/trl/{train,validation,test}.jsonl
  atself export openai --to upload/
  atself export pairs sharegpt --json

\b
Forms:
  trl            {"messages": […]} a window, for TRL's SFTTrainer
  openai         {"messages": […]} a window, for OpenAI fine-tuning
  pairs          {"input", "output"} a reply
  conversation   {"conversation": [{"speaker", "text"}]} a window
  transcript     @speaker: text
  sharegpt       {"conversations": [{"from", "value"}]} a window
  autotrain      CSV with a column text, for AutoTrain Advanced

Nothing is sent anywhere. What is written went through the dataset's redaction.
"""


@click.command(epilog=EXAMPLES)
@click.argument("forms", nargs=-1, required=True, type=click.Choice(NAMES), metavar="FORM...")
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="Folder. [default: HOME/exports]"
)
@home_option
@json_option
def export(forms: tuple[str, ...], target: Path | None, home: Path, as_json: bool) -> None:
    """Write the dataset in the forms that other trainers read."""
    from config.settings import Home
    from ingest.dataset import exports

    place = Home(home)
    rows = []
    for name in dict.fromkeys(forms):
        form = exports.FORMS[name]
        folder = (target or place.exports) / name
        counts = exports.export(place.dataset, folder, form)
        rows.append({"form": name, "folder": str(folder), "readers": form.readers, **counts})
    if as_json:
        emit_json(rows)
    else:
        emit_table(
            ("form", "train", "validation", "test", "folder", "read by"),
            (
                (x["form"], x["train"], x["validation"], x["test"], x["folder"], x["readers"])
                for x in rows
            ),
        )
