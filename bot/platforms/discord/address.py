"""Aiming discord.py at an address other than Discord's own.

discord.py 2.7 has no setting for it. Every request is a ``discord.http.Route`` built on the class
variable ``Route.BASE`` (also those of interactions, which take another way than the client's HTTP
object, so that replacing that object would miss them), and the gateway a client starts from is the
class variable ``DiscordWebSocket.DEFAULT_GATEWAY``: ``Client.connect`` never asks ``/gateway/bot``.
Both are set here, the second from what the API says. They hold for the process, which has one
Discord; each sign-in sets them anew.
"""

from __future__ import annotations

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

OFFICIAL_HOST = "discord.com"


def aim_requests(url: str) -> None:
    """Send what follows to the API at ``url``, which ends in its version (``…/api/v10``)."""
    Route.BASE = url.rstrip("/")


async def aim_gateway(client: discord.Client) -> None:
    """Connect to the gateway that the API names; raises ``discord.GatewayNotFound``."""
    _shards, url, _limit = await client.http.get_bot_gateway()
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)


def is_official(url: str) -> bool:
    """Whether ``url`` is Discord itself, whose answers can be taken at their word."""
    host = yarl.URL(url).host or ""
    return host == OFFICIAL_HOST or host.endswith(f".{OFFICIAL_HOST}")
