"""An OpenAI-compatible server that answers the question it is asked, and nothing else.

Whatever it is shown, it looks for the last ``question-…`` and says ``answer-…``: a reply that went
to the wrong chat, or was written from another chat's history, gives itself away.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_QUESTION = re.compile(r"question-([a-z0-9]+)")


class Parrot(BaseHTTPRequestHandler):
    """Streams one short answer to ``/v1/chat/completions``."""

    protocol_version = "HTTP/1.1"
    heard: list[str] | None = None

    def do_POST(self) -> None:
        """Answer."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shown = "\n".join(message["content"] for message in body["messages"])
        if self.heard is not None:
            self.heard.append(shown)
        asked = _QUESTION.findall(shown)
        text = f"answer-{asked[-1]}" if asked else "hello"
        events = [{"choices": [{"delta": {"content": text}}]}, _END]
        data = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(data.encode())))
        self.end_headers()
        self.wfile.write(data.encode())

    def do_GET(self) -> None:
        """There is one model."""
        data = b'{"data": [{"id": "parrot"}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


_END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed has hung up; that is its business."""


@contextmanager
def parrot(heard: list[str] | None = None) -> Iterator[str]:
    """The server on loopback; yields its address, ending in /v1. What it is shown is ``heard``."""
    server = _Server(("127.0.0.1", 0), type("Listening", (Parrot,), {"heard": heard}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
