"""What can go wrong between an export and a dataset.

IngestError
├── FormatError      a file is not what it claims, is cut short, or nobody recognises it
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


class ArchiveError(IngestError):
    """The archive is missing, or lacks what is asked of it."""


class DatasetError(IngestError):
    """There is too little to learn from, or no dataset yet."""


class PromptError(IngestError):
    """A chat template that cannot carry a conversation."""
