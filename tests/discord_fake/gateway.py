"""The gateway: sessions over websockets, with replay on RESUME and faults on demand.

Shapes and close codes after Discord's documentation ("Gateway", "Opcodes and Status Codes").
"""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

from aiohttp import WSMsgType, web

from tests.discord_fake.world import MAY_READ, MESSAGE_CONTENT, Payload, World

GUILD_MESSAGES, DIRECT_MESSAGES = 1 << 9, 1 << 12
GUILD_REACTIONS, DIRECT_REACTIONS = 1 << 10, 1 << 13
GUILDS = 1
_PRIVILEGED = 1 << 1 | 1 << 8
_IDENTIFY = {"token", "properties", "compress", "large_threshold", "intents", "presence", "shard"}


class Session:
    """One identified session: what it was told, and the socket it is on, if any."""

    def __init__(self, key: str, intents: int) -> None:
        self.key = key
        self.intents = intents
        self.seq = 0
        self.told: list[Payload] = []
        self.link: Link | None = None


class Link:
    """One websocket, with the compression its client asked for."""

    def __init__(self, socket: web.WebSocketResponse, compression: str | None) -> None:
        self.socket = socket
        self._waiting: asyncio.Queue[Payload] = asyncio.Queue()
        self._pump = asyncio.get_running_loop().create_task(self._send_waiting())
        self._packer = zlib.compressobj() if compression == "zlib-stream" else None

    def put(self, payload: Payload) -> None:
        """Send after what was put before, without waiting."""
        self._waiting.put_nowait(payload)

    def close(self) -> None:
        """Send no more."""
        self._pump.cancel()

    async def _send_waiting(self) -> None:
        while True:
            await self._send(await self._waiting.get())

    async def _send(self, payload: Payload) -> None:
        text = json.dumps(payload, ensure_ascii=False)
        try:
            if self._packer is None:
                await self.socket.send_str(text)
            else:
                packed = self._packer.compress(text.encode())
                await self.socket.send_bytes(packed + self._packer.flush(zlib.Z_SYNC_FLUSH))
        except (ConnectionError, RuntimeError):
            return

    def drop(self) -> None:
        """Cut the connection without a word."""
        transport = self.socket._req.transport if self.socket._req is not None else None
        if transport is not None:
            transport.abort()


class Gateway:
    """All sessions; runs on the loop of the fake."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sessions: dict[str, Session] = {}
        self.url = ""
        self.heartbeat_millis = 41_250
        self.acks = True
        self.duplicates = 0
        self.swaps = 0
        self._held: tuple[str, Payload, int] | None = None
        self.identifies = 0
        self.resumes = 0
        self.links: set[Link] = set()

    def dispatch(self, event: str, data: Payload, intent: int = 0) -> None:
        """Tell every session that asked for it; swapped and doubled where that is wanted."""
        if self.swaps and self._held is None and event.startswith("MESSAGE_CREATE"):
            self.swaps -= 1
            self._held = (event, data, intent)
            return
        times = 1
        if self.duplicates:
            self.duplicates, times = self.duplicates - 1, 2
        for _ in range(times):
            self._tell(event, data, intent)
        if self._held is not None:
            held, self._held = self._held, None
            self._tell(*held)

    def _tell(self, event: str, data: Payload, intent: int) -> None:
        for session in self.sessions.values():
            if intent and not session.intents & intent:
                continue
            told = data
            if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
                told = self._world.told(data, may_read=bool(session.intents & MESSAGE_CONTENT))
            self._append(session, event, json.loads(json.dumps(told)))

    def _append(self, session: Session, event: str, data: Payload) -> None:
        session.seq += 1
        payload = {"op": 0, "t": event, "s": session.seq, "d": data}
        session.told.append(payload)
        if session.link is not None:
            session.link.put(payload)

    def drop(self) -> None:
        """Cut every connection; sessions can be resumed."""
        for link in list(self.links):
            link.drop()

    def order(self, op: int, data: Any = None) -> None:
        """Send op 7 (reconnect) or op 9 (invalid session, resumable or not) to everybody."""
        for link in list(self.links):
            link.put({"op": op, "d": data, "s": None, "t": None})

    def forget(self) -> None:
        """No session can be resumed any more; what they were not told is lost to them."""
        for session in self.sessions.values():
            session.link = None
        self.sessions.clear()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection."""
        socket = web.WebSocketResponse(max_msg_size=4096 * 16)
        await socket.prepare(request)
        query = request.query
        if query.get("v") != "10" or query.get("encoding") != "json":
            await socket.close(code=4012, message=b"Invalid API version")
            return socket
        if query.get("compress", "zlib-stream") != "zlib-stream":
            await socket.close(code=4002, message=b"Only zlib-stream here")
            return socket
        link = Link(socket, query.get("compress"))
        self.links.add(link)
        try:
            await self._converse(link)
        finally:
            link.close()
            self.links.discard(link)
            for session in self.sessions.values():
                if session.link is link:
                    session.link = None
        return socket

    async def _converse(self, link: Link) -> None:
        link.put({"op": 10, "d": {"heartbeat_interval": self.heartbeat_millis}})
        session: Session | None = None
        async for frame in link.socket:
            if frame.type is not WSMsgType.TEXT:
                await link.socket.close(code=4002, message=b"Decode error")
                return
            payload = json.loads(frame.data)
            op, data = payload.get("op"), payload.get("d")
            if op == 1:
                if not (data is None or isinstance(data, int)):
                    await link.socket.close(code=4002, message=b"Bad heartbeat")
                elif self.acks:
                    link.put({"op": 11, "d": None})
            elif op in (2, 6) and session is not None:
                await link.socket.close(code=4005, message=b"Already authenticated")
            elif op == 2:
                session = await self._identify(link, data)
            elif op == 6:
                session = await self._resume(link, data)
            elif session is None:
                await link.socket.close(code=4003, message=b"Not authenticated")
            elif op == 8:
                self._members(session, data)
            elif op not in (3, 4):
                await link.socket.close(code=4001, message=b"Unknown opcode")

    async def _identify(self, link: Link, data: Payload) -> Session | None:
        self.identifies += 1
        code = self._fault_of(data)
        if code:
            await link.socket.close(code=code, message=b"Refused")
            return None
        session = Session(f"session{self.identifies}", data["intents"])
        session.link = link
        self.sessions[session.key] = session
        guilds = [{"id": key, "unavailable": True} for key in self._world.guilds]
        ready = {
            "v": 10,
            "user": self._world.me,
            "guilds": guilds,
            "session_id": session.key,
            "resume_gateway_url": self.url,
            "application": {"id": self._world.me["id"], "flags": self._world.flags},
            "private_channels": [],
        }
        self._append(session, "READY", json.loads(json.dumps(ready)))
        if session.intents & GUILDS:
            for guild in self._world.each_guild():
                self._append(session, "GUILD_CREATE", json.loads(json.dumps(guild)))
        return session

    def _fault_of(self, data: Payload) -> int:
        """The close code that an IDENTIFY earns, 0 for none."""
        if set(data) - _IDENTIFY or not {"token", "properties", "intents"} <= set(data):
            return 4002
        if data["token"] != self._world.token:
            return 4004
        if not isinstance(data["intents"], int) or data["intents"] >> 26:
            return 4013
        wants_content = data["intents"] & MESSAGE_CONTENT
        if data["intents"] & _PRIVILEGED or (wants_content and not self._world.flags & MAY_READ):
            return 4014
        return 0

    async def _resume(self, link: Link, data: Payload) -> Session | None:
        self.resumes += 1
        if set(data) != {"token", "session_id", "seq"}:
            await link.socket.close(code=4002, message=b"Decode error")
            return None
        if data["token"] != self._world.token:
            await link.socket.close(code=4004, message=b"Authentication failed")
            return None
        session = self.sessions.get(data["session_id"] or "")
        if session is None:
            link.put({"op": 9, "d": False})
            return None
        if not isinstance(data["seq"], int) or data["seq"] > session.seq:
            await link.socket.close(code=4007, message=b"Invalid seq")
            return None
        session.link = link
        for payload in list(session.told):
            if payload["s"] > data["seq"]:
                link.put(payload)
        self._append(session, "RESUMED", {})
        return session

    def _members(self, session: Session, data: Payload) -> None:
        guild, asked = str(data["guild_id"]), [str(user) for user in data.get("user_ids", ())]
        there = [user for user in asked if (guild, user) in self._world.members]
        chunk = {
            "guild_id": guild,
            "members": [self._world.member_payload(guild, user) for user in there],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [user for user in asked if user not in there],
            "nonce": data.get("nonce"),
        }
        self._append(session, "GUILD_MEMBERS_CHUNK", chunk)
