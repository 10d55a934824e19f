"""Telegram through python-telegram-bot: updates in, messages out, each exactly once."""

from bot.platforms.telegram.client import Limiter, Patience
from bot.platforms.telegram.platform import TelegramPlatform

__all__ = ["Limiter", "Patience", "TelegramPlatform"]
