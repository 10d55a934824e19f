"""`atself export`: the dataset for other trainers, and the messages themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.console import emit_json, emit_table, home_option, json_option

if TYPE_CHECKING:
    from config.settings import Home

MESSAGES = "messages"
NAMES = (MESSAGES, "trl", "openai", "pairs", "conversation", "transcript", "sharegpt", "autotrain")
_COLUMNS = ("form", "train", "validation", "test", MESSAGES, "folder", "readers")
EXAMPLES = """\b
Examples:
  atself export trl                      → persona/exports/trl/{train,validation,test}.jsonl
  atself export openai --to upload/
  atself export pairs sharegpt --json
  atself export messages                 → persona/exports/messages/messages.jsonl

\b
Forms:
  trl            {"messages": […]} a window, for TRL's SFTTrainer
  openai         {"messages": […]} a window, for OpenAI fine-tuning
  pairs          {"input", "output"} a reply
  conversation   {"conversation": [{"speaker", "text"}]} a window
  transcript     @speaker: text
  sharegpt       {"conversations": [{"from", "value"}]} a window
  autotrain      CSV with a column text, for AutoTrain Advanced
  messages       {"id", "chat", "author", "time", "text"} a message, all of the archive

Nothing is sent anywhere. What is written went through the dataset's redaction, all but messages:
they are as they were said, and `atself ingest` reads them elsewhere.
"""


@click.command(epilog=EXAMPLES)
@click.argument("forms", nargs=-1, required=True, type=click.Choice(NAMES), metavar="FORM...")
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="Folder. [default: HOME/exports]"
)
@home_option
@json_option
def export(forms: tuple[str, ...], target: Path | None, home: Path, as_json: bool) -> None:
    """Write the dataset in the forms that other trainers read, or every message."""
    from config.settings import Home
    from ingest.dataset import exports

    place = Home(home)
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys(forms):
        folder = (target or place.exports) / name
        if name == MESSAGES:
            rows.append(_messages(place, folder))
            continue
        form = exports.FORMS[name]
        counts = exports.export(place.dataset, folder, form)
        rows.append({"form": name, "folder": str(folder), "readers": form.readers, **counts})
    if as_json:
        emit_json(rows)
    else:
        emit_table(
            ("form", "train", "validation", "test", "messages", "folder", "read by"),
            ([row.get(key, "") for key in _COLUMNS] for row in rows),
        )


def _messages(place: Home, folder: Path) -> dict[str, Any]:
    from ingest.archive import Archive
    from ingest.messages_export import export_messages

    with Archive.open(place.archive) as archive:
        count = export_messages(archive, folder)
    return {"form": MESSAGES, "folder": str(folder), "readers": "atself ingest", MESSAGES: count}
