"""What stands around the pages: the engine's life, static files, headers, and a word for unforeseen errors."""

import gc
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import book
from core.engine import Engine
from core.engine.limits import read_limits
from core.engine.local import LocalEngine

log = logging.getLogger(__name__)

ROOT = book.PAGES.parent
ASSETS = ROOT / "assets"
SITE = ROOT / "core" / "ui" / "site.py"


@cache
def engine() -> Engine:
    """The engine of this server: made once, with the limits that the environment sets."""
    limits, misses = read_limits(os.environ)
    for miss in misses:
        log.warning(miss)
    return LocalEngine(limits)


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
    Route("/status", status),
    Mount("/assets", StaticFiles(directory=ASSETS)),
]
MIDDLEWARE = [Middleware(Headers)]


def say_error(error: Exception) -> bool:
    """Show one sentence instead of a traceback, which goes to the log."""
    log.error("A page failed.", exc_info=error)
    st.error("Something went wrong on this page, and the server has noted it. Reloading the page starts it afresh.")
    return True
