"""A real server under nonsense: nothing in its log, no worker lost, no memory kept."""

import contextlib
import http.client
import random
import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode, urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.browser.server import Server, serve
from tests.fuzz import nonsense

GROWTH = 150 * 2**20
"""Bytes by which a server's memory may grow under nonsense: caches fill up to their bounds, and sessions linger."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has said nothing of trouble when it stops."""
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as file, serve(log=file, WDLW_WORKERS="1", WDLW_IDLE_SECONDS="5") as server:
        server.wait(workers_ready=1)
        [worker] = server.workers()
        yield server
        assert server.workers() == [worker]
    said = log.read_text("utf-8", "replace")
    assert "Traceback" not in said, said[-5000:]


def open_page(stream: ClientConnection, page: str, **query: str) -> tuple[list[str], list[str]]:
    """Open a page as a browser does; the ids of its widgets and the secret names of its labs."""
    ask = BackMsg()
    ask.rerun_script.page_name = page
    ask.rerun_script.query_string = urlencode(query)
    stream.send(ask.SerializeToString())
    widgets, tokens = set[str](), set[str]()
    while True:
        message = ForwardMsg.FromString(bytes(stream.recv(timeout=60)))  # type: ignore[arg-type]
        said = str(message.delta)
        widgets |= set(re.findall(r'\bid: "(\$\$ID[^"]+)"', said))
        tokens |= set(re.findall(r'token\\": \\"([0-9a-f]{32})', said))
        if message.WhichOneof("type") == "script_finished":
            return sorted(widgets), sorted(tokens)


def still_reads(server: Server) -> None:
    """A reader who comes now sees a page."""
    with connect(stream_of(server), proxy=None, max_size=None) as stream:
        assert all(open_page(stream, "sine_fits"))


def stream_of(server: Server) -> str:
    return f"{server.url.replace('http', 'ws', 1)}/_stcore/stream"


@pytest.mark.parametrize("number", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_nonsense_over_the_websocket(server: Server, number: int) -> None:
    source = random.Random(number)
    before, sent = 0, 0
    while sent < number:
        with connect(stream_of(server), proxy=None, max_size=None) as stream:
            widgets, tokens = open_page(stream, "sine_fits", **nonsense.link(source))
            assert widgets and tokens
            before = before or server.process.memory_info().rss
            try:
                for _ in range(20):
                    sent += 1
                    stream.send(nonsense.message(source, widgets))
                    stream.recv(timeout=0.02)
            except TimeoutError:
                continue
            except ConnectionClosed:
                continue
    still_reads(server)
    assert server.process.memory_info().rss - before < GROWTH


@pytest.mark.parametrize("kind", ["string_value", "json_value", "bytes_value", "int_value", "bool_value"])
def test_every_widget_in_a_state_that_it_cannot_have(server: Server, kind: str) -> None:
    values = {"string_value": "<b>", "json_value": "[", "bytes_value": b"\xff", "int_value": -7, "bool_value": True}
    with connect(stream_of(server), proxy=None, max_size=None) as stream:
        widgets, _ = open_page(stream, "sine_fits")
        folds = [widget for widget in widgets if widget.endswith((":more", ":download", ":share"))]
        assert folds
        for forged in (folds, widgets):
            ask = BackMsg()
            ask.rerun_script.page_name = "sine_fits"
            for widget in forged:
                setattr(ask.rerun_script.widget_states.widgets.add(id=widget), kind, values[kind])
            stream.send(ask.SerializeToString())
            while ForwardMsg.FromString(bytes(stream.recv(timeout=60))).WhichOneof("type") != "script_finished":  # type: ignore[arg-type]
                pass
    still_reads(server)


def test_pages_asked_for_faster_than_they_are_drawn(server: Server) -> None:
    ask = BackMsg()
    with connect(stream_of(server), proxy=None, max_size=None) as stream:
        open_page(stream, "sine_fits")
        for number in range(400):
            ask.rerun_script.page_name = ("sine_fits", "teach", "evidence", "contents")[number % 4]
            stream.send(ask.SerializeToString())
        with contextlib.suppress(TimeoutError):
            while True:
                stream.recv(timeout=1)
        assert all(open_page(stream, "sine_fits"))


@pytest.mark.parametrize("number", [150, pytest.param(3000, marks=pytest.mark.slow)])
def test_nonsense_over_http(server: Server, number: int) -> None:
    source = random.Random(number)
    address = urlsplit(server.url)
    with connect(stream_of(server), proxy=None, max_size=None) as stream:
        _, tokens = open_page(stream, "sine_fits")
        before = server.process.memory_info().rss
        for _ in range(number):
            client = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
            lot = source.random()
            if lot < 0.5:
                client.request("POST", f"/frames/{source.choice(tokens)}", nonsense.question(source))
            elif lot < 0.7:
                client.request("POST", f"/claims/{quote(nonsense.text(source)[:200])}", nonsense.question(source))
            elif lot < 0.9:
                query = urlencode(nonsense.link(source))
                client.request("GET", f"/sine_fits?{query[:5000]}", headers={"accept": "text/html"})
            else:
                method = source.choice(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "NONSENSE"])
                client.request(method, source.choice(nonsense.ROUTES), nonsense.question(source))
            assert client.getresponse().status < 500
            client.close()
    still_reads(server)
    assert server.process.memory_info().rss - before < GROWTH
