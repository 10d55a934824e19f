"""What can go wrong between a message and a reply.

BotError
├── ModelUnusable    a model is missing, damaged, or made for another renderer
├── PromptTooLong    what is to be shown to the model does not fit its context
├── ServerFailed     the OpenAI-compatible server cannot be reached or refuses
├── SceneError       a terminal chat was asked for something it cannot do
└── NotAvailable     a command that this version does not have yet (exit 2)
"""

from __future__ import annotations

from config.errors import AtselfError


class BotError(AtselfError):
    """Base of everything here."""


class ModelUnusable(BotError):
    """A model that cannot speak: missing, damaged, or made for another renderer."""


class PromptTooLong(BotError):
    """A prompt that does not fit the model's context together with its reply."""


class ServerFailed(BotError):
    """The server that should write replies cannot be reached or refuses."""


class SceneError(BotError):
    """A terminal chat was asked for something it cannot do."""


class NotAvailable(BotError):
    """A command that this version does not have yet."""

    exit_code = 2
