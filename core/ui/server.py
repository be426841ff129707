"""What stands around the pages: the engine's life, routes, and a word for unforeseen errors."""

import asyncio
import contextlib
import gc
import gzip
import json
import logging
import re
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import orjson
import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config, net_util
from streamlit.elements import layouts
from streamlit.runtime import state
from streamlit.runtime.scriptrunner import StopException
from streamlit.runtime.state import session_state_proxy

from core import book
from core.ui import farewell, guard, logs, measurements, metrics, panel
from core.ui.engine import engine
from core.ui.limits import limits
from core.ui.shared import shared_runs

log = logging.getLogger(__name__)

READING = (Path(state.__file__).parent, Path(layouts.__file__))
"""Where Streamlit reads the states of widgets, and of what is folded."""
OURS = Path(session_state_proxy.__file__)
"""Where Streamlit reads what pages keep, among the same files."""
SITE = book.ROOT / "core" / "ui" / "site.py"
WAITING = anyio.CapacityLimiter(200)
"""Threads in which readers wait for frames, apart from those that serve files: those are never short of one."""
SWITCH = 0.0005
"""Seconds for which a thread may keep the interpreter. The one that sends and receives gives it up at each message, and
waits this long for it again while pages are drawn: with Python's 5 ms fifty readers had their first text twice as late.
"""
LEFT = Response(status_code=499)
"""For a client that has gone, and reads no answer."""
LONGEST_QUESTION = 64_000
"""Bytes: what a figure asks is short, but for points that a reader has drawn."""
ZIPPED = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
"""In ``Accept-Encoding``: gzip, and not as what a client will not have (``gzip;q=0``)."""
MEASURING = anyio.CapacityLimiter(1)
"""A thread for claims, which are looked at one by one: a crowd that asks for them takes none from files."""
SORRY = "Something went wrong on this page, and the server has noted it. Reloading the page starts it afresh."
SETTLING = 15.0
"""Seconds after the start: the first reader of a cold server does not wait for what may wait."""
SLOWEST_QUESTION = 5.0
"""Seconds in which all of a question must come."""


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Start the workers with the server, and end them with it."""
    logs.set_up()
    # For a websocket from a foreign page Streamlit would ask a host of Amazon's for this machine's address, holding up
    # every reader for up to two seconds, and compare that with the page's.
    net_util.get_external_ip = lambda: None
    sys.setswitchinterval(SWITCH)
    farewell.begin_at_sigterm()
    engine()
    shared_runs()  # The log says at once if they cannot be kept.
    loop = asyncio.get_running_loop()
    settling = loop.call_later(SETTLING, loop.run_in_executor, None, _settle)
    try:
        yield {}
    finally:
        settling.cancel()
        engine().stop()
        log.info("The server has stopped.")


def _settle() -> None:
    """Import the chapters that nobody has opened yet, and never search again for garbage in what was imported."""
    book.lab_names()
    gc.collect()
    gc.freeze()


async def status(request: Request) -> Response:
    """``/status``: how the engine fares, for a host's monitor."""
    now = engine().status()
    return JSONResponse(vars(now))


async def healthz(request: Request) -> Response:
    """``/healthz``: 200 while this process answers."""
    return PlainTextResponse("alive\n")


async def readyz(request: Request) -> Response:
    """``/readyz``: 200 when a reader who comes now can train; else 503 and the reason."""
    reason = ""
    if farewell.LEAVING.is_set():
        reason = "The server is being stopped."
    elif guard.SESSIONS.full:
        reason = f"{limits().sessions} sessions are open, as many as WDLW_SESSIONS allows."
    elif engine().status().workers_ready == 0:
        reason = "No worker is ready yet."
    return PlainTextResponse(f"{reason or 'ready'}\n", status_code=503 if reason else 200)


async def measures(request: Request) -> Response:
    """``/metrics``: counts and gauges for Prometheus; for the inside of a host's network only."""
    return Response(metrics.exposition(engine()), media_type=metrics.CONTENT_TYPE)


async def frames(request: Request) -> Response:
    """``/frames/TOKEN``: what a figure asks for, and the answer, both JSON. The token is its session's secret."""
    held = panel.OPEN.get(request.path_params["token"])
    if held is None:
        return JSONResponse({"gone": True}, status_code=404)
    body = b""
    try:
        async with asyncio.timeout(SLOWEST_QUESTION):
            async for part in request.stream():
                body += part
                if len(body) > LONGEST_QUESTION:
                    return JSONResponse({}, status_code=413)
    except TimeoutError:
        return JSONResponse({}, status_code=408)
    except ClientDisconnect:
        return LEFT
    try:
        ask = json.loads(body)
    except (ValueError, RecursionError):
        ask = None
    if not isinstance(ask, dict):
        return JSONResponse({}, status_code=400)
    headers = {"content-encoding": "gzip"} if ZIPPED.search(request.headers.get("accept-encoding", "")) else {}
    waited = held.turn.locked()
    async with held.turn:
        if waited and await request.is_disconnected():
            return LEFT
        answer = await anyio.to_thread.run_sync(_answer, held, ask, bool(headers), limiter=WAITING)
    return Response(answer, media_type="application/json", headers=headers)


def _answer(held: panel.Panel, ask: dict[str, Any], zipped: bool) -> bytes:
    said = orjson.dumps(panel.reply(held, ask))
    return gzip.compress(said, compresslevel=1) if zipped else said


async def claim(request: Request) -> Response:
    """``/claims/chapter.id``: how a claim stands on this server; posting begins to measure it."""
    ask = measurements.measure if request.method == "POST" else measurements.look
    try:
        state = await anyio.to_thread.run_sync(ask, request.path_params["claim"], limiter=MEASURING)
    except KeyError:
        return JSONResponse({}, status_code=404)
    return JSONResponse(state)


class Frames:
    """Answer what figures ask before Streamlit's layers see it, which took half as long again as the answer itself.

    Most of that was their gzip, at its highest level and where all readers' messages pass.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        # Here the path still begins with what ``server.baseUrlPath`` may set.
        self.router = Router(
            [Route("/{base:path}frames/{token}", frames, methods=["POST"])], redirect_slashes=False, default=app
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        asks = scope["type"] == "http" and scope["method"] == "POST"
        await (self.router if asks else self.app)(scope, receive, send)


def routes(base: str = "") -> list[BaseRoute]:
    """What is served beside the pages, below the path ``base``."""
    return [
        Route(f"{base}/claims/{{claim}}", claim, methods=["GET", "POST"]),
        Route(f"{base}/status", status),
        Route(f"{base}/healthz", healthz),
        Route(f"{base}/readyz", readyz),
        Route(f"{base}/metrics", measures),
        Mount(f"{base}/assets", StaticFiles(directory=book.ASSETS)),
    ]


ROUTES = routes()
if below := config.get_option("server.baseUrlPath").strip("/"):
    ROUTES += routes(f"/{below}")
MIDDLEWARE = [Middleware(guard.Fields), Middleware(guard.Guard), Middleware(Frames)]


def say_error(error: Exception) -> bool:
    """Show one sentence instead of a traceback, which goes to the log."""
    if _is_the_browsers(error):
        log.warning("A browser sent the state of a widget that cannot be read (%s).", type(error).__name__)
    else:
        log.error("A page failed.", exc_info=error)
    with contextlib.suppress(StopException):  # A reader who asks for another page meanwhile ends this one.
        st.error(SORRY)
    return True


def _is_the_browsers(error: Exception) -> bool:
    """Whether Streamlit failed at what a browser says of its widgets: somebody's nonsense, and no fault of a page."""
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    own = [any(file.is_relative_to(book.ROOT / folder) for folder in ("core", "pages")) for file in files]
    inner = files[len(own) - own[::-1].index(True) :] if any(own) else files
    if isinstance(error, KeyError) and inner[:1] == [OURS]:
        return False  # A page of ours asked for what it never kept.
    return any(file.is_relative_to(place) for file in inner for place in READING)
