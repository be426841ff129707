"""A stop that readers are told of: at SIGTERM the runs end with a word, and only then do the connections."""

import asyncio
import logging
import signal
import threading
from types import FrameType

import uvicorn

from core.ui.engine import engine

log = logging.getLogger(__name__)

LEAVING = threading.Event()
"""Set when the server has been asked to stop."""
WORD = 2.0
"""Seconds in which open pages fetch their last word."""
LONGEST = 4
"""Seconds after that in which requests under way may end: a slow download must not hold the stop up."""


def begin_at_sigterm() -> None:
    """From now on, SIGTERM ends the runs first and the server, by its own handler, ``WORD`` seconds later."""
    if threading.current_thread() is not threading.main_thread():
        return  # Signals are for the main thread; a server elsewhere (a test's) is stopped by other means.
    stop = signal.getsignal(signal.SIGTERM)
    if not callable(stop):
        return
    server = getattr(stop, "__self__", None)
    if isinstance(server, uvicorn.Server) and server.config.timeout_graceful_shutdown is None:
        server.config.timeout_graceful_shutdown = LONGEST
    loop = asyncio.get_running_loop()

    def leave(number: int, frame: FrameType | None) -> None:
        if LEAVING.is_set():
            stop(number, frame)
            return
        LEAVING.set()
        log.info("The server is asked to stop: runs are ended.")
        loop.call_soon_threadsafe(loop.run_in_executor, None, engine().stop)
        loop.call_soon_threadsafe(loop.call_later, WORD, stop, number, frame)

    signal.signal(signal.SIGTERM, leave)
