"""What stands before every request: headers, a bound on sessions, and doors that no page of ours uses kept shut."""

import html
import logging
import threading

from google.protobuf.message import DecodeError
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnected
from streamlit.proto.BackMsg_pb2 import BackMsg

from core.ui.limits import limits

log = logging.getLogger(__name__)

STREAM = "/_stcore/stream"
"""Streamlit's websocket: one for each open tab."""
UNUSED = ("/_stcore/upload_file", "/_stcore/agent")
"""Streamlit's doors for uploads, which it bounds in size but not in number, and for programs that drive pages."""
TAKEN = ("rerun_script", "stop_script", "app_heartbeat", "backend_operation_request")
"""What a page of ours asks for. What else Streamlit knows is for developers: one clears a session and all caches."""
LONGEST_NAME = 200
"""Letters of what Streamlit calls pages and parts of them."""
RETRY = 30
FULL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="{retry}">
<meta name="viewport" content="width=device-width"><title>Why Deep Learning Works: a full house</title></head>
<body style="font: 1.1rem/1.6 Georgia, serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem">
<h1>A full house</h1><p role="status">{sentence}</p></body></html>
"""


class Sessions:
    """The open tabs of this server: counted, and bounded by ``WDLW_SESSIONS``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.open = 0
        self.refused = 0

    @property
    def full(self) -> bool:
        """Whether there is room for no more."""
        return self.open >= limits().sessions

    def enter(self) -> bool:
        """Take a place, if there is one."""
        with self._lock:
            if self.full:
                self.refused += 1
                return False
            self.open += 1
            return True

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self.open -= 1


SESSIONS = Sessions()


class Guard:
    """Refuse what a full server cannot hold, and what no page of ours asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with a refusal."""
        if scope["type"] == "websocket" and scope["path"].endswith(STREAM):
            await self._hold(scope, receive, send)
        elif scope["type"] == "http" and any(path in scope["path"] for path in UNUSED):
            await PlainTextResponse("Nothing here takes this.", status_code=404)(scope, receive, send)
        elif scope["type"] == "http" and SESSIONS.full and _asks_for_a_page(scope):
            await _full_house()(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _hold(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not SESSIONS.enter():
            # Refused before it is accepted: the server answers the handshake with 403.
            await send({"type": "websocket.close", "code": 1013, "reason": "full"})
            return

        async def receive_sound() -> Message:
            while (message := await receive())["type"] == "websocket.receive":
                asked = _read(message)
                if asked is None:
                    await send({"type": "websocket.close", "code": 1002})
                    return {"type": "websocket.disconnect", "code": 1002}
                if asked.WhichOneof("type") in TAKEN:
                    break
            return message

        try:
            await self.app(scope, receive_sound, send)
        except WebSocketDisconnected:
            log.debug("Streamlit spoke to a reader who had just left.")
        finally:
            SESSIONS.leave()


def _read(message: Message) -> BackMsg | None:
    """What it asks of Streamlit; ``None`` for what that would only log, as often as somebody likes."""
    try:
        asked = BackMsg.FromString(message["bytes"])
    except (KeyError, TypeError, DecodeError):
        return None
    rerun = asked.rerun_script
    names = (rerun.fragment_id, rerun.page_script_hash, rerun.page_name)
    return asked if all(len(name) <= LONGEST_NAME and name.isprintable() for name in names) else None


def _asks_for_a_page(scope: Scope) -> bool:
    return scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")


def _full_house() -> HTMLResponse:
    sentence = (
        f"{limits().sessions} pages are open here, as many as this server can hold. "
        f"This one tries again by itself every {RETRY} seconds."
    )
    page = FULL.format(retry=RETRY, sentence=html.escape(sentence))
    return HTMLResponse(page, status_code=503, headers={"retry-after": str(RETRY), "cache-control": "no-store"})


class Fields:
    """Add headers that every answer should carry. No framing header: a host decides who may embed the pages."""

    FIELDS: tuple[tuple[bytes, bytes], ...] = (
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"strict-origin-when-cross-origin"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add to the head of its answer."""
        fields = self.FIELDS
        if scope["type"] == "http" and "/assets/" in scope["path"]:
            # Asked for anew each time, answered with “not modified”: no reader is left with an old script.
            fields += ((b"cache-control", b"no-cache"),)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [(name, value) for name, value in fields if name not in present]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)
