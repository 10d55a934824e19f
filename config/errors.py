"""The errors a user may meet, as a tree. Each prints as one line: where, what, what to do.

AtselfError
├── SettingsError            a setting is unknown, misspelled or impossible (exit 2)
├── ingest.errors.IngestError
├── registry.errors.RegistryError
├── rag.errors.RecallError
├── trainer.errors.TrainingError
├── likeness.errors.LikenessError
└── bot.errors.BotError
"""

from __future__ import annotations


class AtselfError(Exception):
    """Anything we can explain: the message is one line that says where, what and what to do.

    ``exit_code`` is what the command line returns: 1 for a failure, 2 for wrong usage.
    """

    exit_code = 1


class SettingsError(AtselfError):
    """A setting that is unknown, misspelled or impossible."""

    exit_code = 2
