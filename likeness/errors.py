"""What can go wrong while likeness is measured."""

from config.errors import AtselfError


class LikenessError(AtselfError):
    """An evaluation, a blind test, a report or a retraining that cannot be had, and why."""
