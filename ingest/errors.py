"""What can go wrong between an export and a dataset.

IngestError
├── FormatError      a file is not what it claims, is cut short or cannot be read
│   └── UnknownFormat    nobody recognises it
├── ArchiveError     the archive is missing, locked or lacks what is asked of it
├── DatasetError     there is not enough to learn from, or the dataset is not there
└── PromptError      a chat template that cannot carry a conversation
"""

from __future__ import annotations

from config.errors import AtselfError


class IngestError(AtselfError):
    """Base of everything here."""


class FormatError(IngestError):
    """A file that cannot be read as a chat."""


class UnknownFormat(FormatError):
    """A file that no parser claims."""


class ArchiveError(IngestError):
    """The archive is missing, or lacks what is asked of it."""


class DatasetError(IngestError):
    """There is too little to learn from, or no dataset yet."""


class PromptError(IngestError):
    """A chat template that cannot carry a conversation."""


def printable(text: str) -> str:
    """``text`` on one line without anything that could steer a terminal, such as ``\\x1b``.

    Names of files and pieces of exports are not ours to trust.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()
