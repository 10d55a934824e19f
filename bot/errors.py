"""What can go wrong between a message and a reply.

BotError
├── ModelUnusable    a model is missing, damaged, or made for another renderer
├── SpeakingFailed   no reply came of a question: the model failed, or was too slow
├── PromptTooLong    what is to be shown to the model does not fit its context
├── ServerFailed     the OpenAI-compatible server cannot be reached or refuses
├── SceneError       a terminal chat was asked for something it cannot do
├── PlatformRefused  a platform will not let the bot in: a bad token, a missing intent
├── Undeliverable    a message will never arrive: no right to write, the chat is gone
├── Unreachable      a platform could not be reached for minutes
├── Busy             another job has what this one needs
├── HealthUnavailable  the port of /health and /metrics is taken
├── BackupUnusable   a backup is missing or damaged, or may not be restored here
├── CommandRefused   an admin's command that cannot be done as it was given (exit 2)
├── AlreadyRunning   another process serves this home
└── NoPlatform       `atself run` was given nowhere to be (exit 2)
"""

from __future__ import annotations

from config.errors import AtselfError


class BotError(AtselfError):
    """Base of everything here."""


class ModelUnusable(BotError):
    """A model that cannot speak: missing, damaged, or made for another renderer."""


class SpeakingFailed(BotError):
    """No reply came of a question: the model failed, it took too long, or too many waited."""


class PromptTooLong(BotError):
    """A prompt that does not fit the model's context together with its reply."""


class ServerFailed(BotError):
    """The server that should write replies cannot be reached or refuses."""


class SceneError(BotError):
    """A terminal chat was asked for something it cannot do."""


class PlatformRefused(BotError):
    """A platform will not let the bot in; the message says what to do."""


class Undeliverable(BotError):
    """A message that will never arrive."""


class Unreachable(BotError):
    """A platform that could not be reached for minutes."""


class AlreadyRunning(BotError):
    """Another process serves this home."""


class NoPlatform(BotError):
    """`atself run` was given nowhere to be."""

    exit_code = 2


class Busy(BotError):
    """A job that must wait for another."""


class HealthUnavailable(BotError):
    """The port of /health and /metrics cannot be listened at."""


class BackupUnusable(BotError):
    """A backup that is missing, damaged, or may not be restored here."""


class CommandRefused(BotError):
    """An admin's command that cannot be done as it was given; the message says how."""

    exit_code = 2
