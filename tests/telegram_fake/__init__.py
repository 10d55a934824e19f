"""A small, strict Telegram Bot API server of our own, on loopback.

``FakeTelegram`` runs in a thread of its own, so that a bot in this process and one in another can
both use it; everything on it may be called from any thread.
"""

from tests.telegram_fake.faults import Call, Fault
from tests.telegram_fake.server import FakeTelegram
from tests.telegram_fake.world import Chat, Sent, User

__all__ = ["Call", "Chat", "FakeTelegram", "Fault", "Sent", "User"]
