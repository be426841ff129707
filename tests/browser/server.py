"""A server of the app in a process of its own, as a reader meets it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A running server: where it is, and its processes."""

    url: str
    process: psutil.Process

    def status(self) -> dict[str, Any]:
        """What ``/status`` says."""
        with urllib.request.urlopen(f"{self.url}/status", timeout=10) as answer:
            status: dict[str, Any] = json.load(answer)
            return status

    def workers(self) -> list[psutil.Process]:
        """Its worker processes."""
        children = self.process.children(recursive=True)
        return [child for child in children if "core.engine.worker" in " ".join(child.cmdline())]

    def wait(self, **wanted: Any) -> None:
        """Wait until the status has these values."""
        until(lambda: wanted.items() <= self.status().items(), f"{wanted} in /status")


def until(condition: Any, what: str, seconds: float = 90) -> None:
    """Wait until ``condition()`` is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds:g} s in vain for: {what}")
        time.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serve(port: int = 0, log: IO[bytes] | None = None, **environment: str) -> Iterator[Server]:
    """Run the app as ``streamlit run app.py`` does, at ``port`` or a free one, until the block ends; log to ``log``."""
    port = port or free_port()
    command = [
        sys.executable, "-m", "streamlit", "run", "app.py",
        "--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true",
    ]  # fmt: skip
    # A measurement must not meet the runs that one before it, or the user, has left.
    alone = {} if "WDLW_CACHE" in environment else {"WDLW_CACHE_MB": "0"}
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | alone | environment, stderr=log)
    server = Server(f"http://127.0.0.1:{port}", psutil.Process(process.pid))
    try:

        def answers() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"The server ended with status {process.returncode}.")
            try:
                return bool(server.status())
            except OSError:
                return False

        until(answers, "the server")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
