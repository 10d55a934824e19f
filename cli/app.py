"""The command line: every command by name, imported only when it is asked for.

Errors are caught here and nowhere else: what we can explain is one line on stderr, anything else
is a traceback. Exit 0 all good, 1 any failure, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import cast

import click

from config.errors import AtselfError

# Name → where it lives, and the line `atself --help` shows without importing it.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("config.commands:init", "Make a home folder with a commented config.toml."),
    "doctor": ("cli.doctor:doctor", "What is installed, what is missing, what will be used."),
    "ingest": ("ingest.commands:ingest", "Read chat exports into the archive."),
    "people": ("ingest.people.commands:people", "Who is who: list, merge, split, rename, @self."),
    "threads": ("ingest.threads_command:threads", "Who answers whom in an export."),
    "writings": ("cli.writings:writings", "Add your own texts; make question-answer pairs."),
    "dataset": ("ingest.dataset.commands:dataset", "Cut the archive into training windows."),
    "export": (
        "ingest.dataset.export_command:export",
        "Write the dataset for other trainers, or all messages.",
    ),
    "train": ("trainer.commands:train", "Fine-tune a base model and register it."),
    "retrain": (
        "likeness.loop.commands:retrain",
        "Learn from what is new; the better model serves.",
    ),
    "hosted": ("trainer.hosted.commands:hosted", "Fine-tune at an API, with consent each time."),
    "models": ("registry.commands:models", "List, show, promote and roll back models."),
    "index": ("rag.commands:index", "Build or refresh the search index over the archive."),
    "recall": ("rag.recall_command:recall", "What the index brings back for a text."),
    "evaluate": ("likeness.commands:evaluate", "Rehearse what happened; how like @self it is."),
    "blind": ("likeness.blind.commands:blind", "Let friends guess which reply is @self's."),
    "questions": (
        "likeness.question_commands:questions",
        "Ask every version the same questions, side by side.",
    ),
    "chat": ("bot.commands:chat", "Talk to @self in a terminal group chat."),
    "gate": ("bot.gate_command:gate", "Learn when @self speaks, and how well that is known."),
    "run": ("bot.commands:run", "Run the bots."),
    "report": ("likeness.report.command:report", "One page on how like @self a model is."),
    "backup": ("bot.backup_commands:backup", "Back up archive and state; restore them."),
    "forget": ("cli.forget:forget", "Remove a person and all they wrote."),
    "demo": ("cli.demo:demo", "The whole way on the sample chat or your own export."),
}

EPILOG = """\b
Start here:
  atself demo                                    everything, on the sample
  atself ingest result.json --self "Your Name"   your own export
  atself dataset && atself train --minutes 20 && atself index
  atself chat
"""


class LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        return cast(click.Command, getattr(import_module(module), attribute))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG)
@click.version_option(package_name="atself", message="atself %(version)s")
def app() -> None:
    """Turn a person's group-chat history into a bot that answers as that person: @self.

    Everything stays in one folder on this machine (--home, default ./persona).
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``atself`` and exit with its code."""
    # What people said in their chats is read by whoever runs this, and by nobody else here.
    os.umask(os.umask(0o077) | 0o077)
    # torch and llama.cpp spin in libgomp while they wait for a thread. Where the two threads of a
    # small machine share a core for a while, that stalls both: a Gemma training step took 40 s for
    # the first minutes, 1.9 s from the start with this. It must be set before either is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run ``atself`` and return the exit code; the only place where errors are caught."""
    try:
        result = app.main(args=arguments, prog_name="atself", standalone_mode=False)
    except AtselfError as error:
        return _fail(str(error), error.exit_code)
    except click.UsageError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted; what was finished is kept, run the same command to go on", 130)
    except BrokenPipeError:
        return _leave_pipe()
    except ModuleNotFoundError as error:
        if error.name is None or find_spec(error.name.partition(".")[0]) is not None:
            raise  # a mistake of ours, or a broken installation
        return _fail(f"{error.name} is not installed; `atself doctor` says how to add it", 1)
    except Exception as error:
        if _is_full_disk(error):
            return _fail("disk full; free some space and run the same command to go on", 1)
        raise
    return result if isinstance(result, int) else 0


def _fail(line: str, code: int) -> int:
    """One line on stderr; none where a child process has said it already."""
    if line:
        click.echo(f"atself: {line}", err=True)
    return code


def _leave_pipe() -> int:
    """The reader (``| head``) is gone: no traceback now, nor when Python flushes on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _is_full_disk(error: BaseException | None) -> bool:
    """Whether this came from a full disk, by the several names libraries have for it.

    The operating system's own, SQLite's SQLITE_FULL, and the text Rust libraries (safetensors)
    pass on.
    """
    if error is None:
        return False
    texts = (os.strerror(errno.ENOSPC), "database or disk is full")
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if is_full or any(text in str(error) for text in texts):
        return True
    return _is_full_disk(error.__cause__ or error.__context__)


if __name__ == "__main__":
    main()
