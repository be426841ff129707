"""What stands around the pages: the engine's life, static files, headers, and a word for unforeseen errors."""

import gc
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import book
from core.ui import measurements, panel
from core.ui.engine import engine

log = logging.getLogger(__name__)

SITE = book.ROOT / "core" / "ui" / "site.py"
LONGEST_QUESTION = 64_000
"""Bytes: what a figure asks is short, but for points that a reader has drawn."""


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Start the workers with the server, and end them with it."""
    engine()
    book.lab_names()
    # Streamlit collects garbage around every script run. What was imported stays for good: it need not be searched.
    gc.collect()
    gc.freeze()
    try:
        yield {}
    finally:
        engine().stop()


async def status(request: Request) -> Response:
    """``/status``: how the engine fares, for a host's monitor."""
    now = engine().status()
    return JSONResponse(vars(now))


async def frames(request: Request) -> Response:
    """``/frames/TOKEN``: what a figure asks for, and the answer, both JSON. The token is its session's secret."""
    held = panel.OPEN.get(request.path_params["token"])
    if held is None:
        return JSONResponse({"gone": True}, status_code=404)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_QUESTION:
            return JSONResponse({}, status_code=413)
    try:
        ask = json.loads(body)
    except ValueError:
        ask = None
    if not isinstance(ask, dict):
        return JSONResponse({}, status_code=400)
    answer = await run_in_threadpool(panel.reply, held, ask)
    return Response(json.dumps(answer, separators=(",", ":")), media_type="application/json")


async def claim(request: Request) -> Response:
    """``/claims/chapter.id``: how a claim stands on this server; posting begins to measure it."""
    ask = measurements.measure if request.method == "POST" else measurements.look
    try:
        state = await run_in_threadpool(ask, request.path_params["claim"])
    except KeyError:
        return JSONResponse({}, status_code=404)
    return JSONResponse(state)


class Headers:
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
        if scope["type"] == "http" and scope["path"].startswith("/assets/"):
            # Asked for anew each time, answered with “not modified”: no reader is left with an old script.
            fields += ((b"cache-control", b"no-cache"),)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [(name, value) for name, value in fields if name not in present]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


ROUTES = [
    Route("/frames/{token}", frames, methods=["POST"]),
    Route("/claims/{claim}", claim, methods=["GET", "POST"]),
    Route("/status", status),
    Mount("/assets", StaticFiles(directory=book.ASSETS)),
]
MIDDLEWARE = [Middleware(Headers)]


def say_error(error: Exception) -> bool:
    """Show one sentence instead of a traceback, which goes to the log."""
    log.error("A page failed.", exc_info=error)
    st.error("Something went wrong on this page, and the server has noted it. Reloading the page starts it afresh.")
    return True
