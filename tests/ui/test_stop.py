"""A real server is asked to stop."""

import os
import signal
import socket
import time
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from core.ui import farewell
from tests.browser.server import Server, serve


def trickle(server: Server) -> socket.socket:
    """A client that sends the head of a question, and hardly more."""
    address = urlsplit(server.url)
    slow = socket.create_connection((str(address.hostname), int(address.port or 0)))
    slow.sendall(b"POST /claims/none HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    return slow


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM that a process can answer.")
def test_a_server_asked_to_stop_says_so_ends_its_sockets_and_leaves_nothing_behind() -> None:
    with serve(WDLW_LOG="json", WDLW_WORKERS="1") as server:
        workers = server.workers()
        stream = f"{server.url.replace('http', 'ws', 1)}/_stcore/stream"
        with connect(stream, proxy=None) as tab, trickle(server):
            asked = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed):
                tab.recv(timeout=10)
            assert time.monotonic() - asked > farewell.WORD / 2  # Open pages had time to hear of it.
            server.process.wait(10)
    assert workers and not any(worker.is_running() for worker in workers)
