"""What a full server refuses, and the doors that are shut."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg

from core.engine.limits import Limits
from core.ui import guard, server


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("The page.")


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    async for message in socket.iter_bytes():
        await socket.send_bytes(message)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(guard, "SESSIONS", guard.Sessions())
    monkeypatch.setattr(guard, "limits", lambda: Limits(sessions=2))
    routes = [WebSocketRoute(guard.STREAM, stream), Route("/{path:path}", page, methods=["GET", "PUT", "POST"])]
    with TestClient(Starlette(routes=routes, middleware=server.MIDDLEWARE)) as client:
        yield client


ASK = BackMsg(app_heartbeat=True).SerializeToString()
READER = {"accept": "text/html,application/xhtml+xml"}


def test_a_tab_more_than_there_is_room_for_gets_a_sentence_until_one_is_closed(client: TestClient) -> None:
    with client.websocket_connect(guard.STREAM) as first, client.websocket_connect(guard.STREAM):
        refused = client.get("/sine_fits", headers=READER)
        assert refused.status_code == 503
        assert "2 pages are open here, as many as this server can hold." in refused.text
        assert refused.headers["retry-after"] == "30" and refused.headers["cache-control"] == "no-store"
        with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect(guard.STREAM):
            pass
        assert closed.value.code == 1013
        first.send_bytes(ASK)
        assert first.receive_bytes() == ASK
    assert client.get("/sine_fits", headers=READER).text == "The page."
    assert guard.SESSIONS.open == 0 and guard.SESSIONS.refused == 1


def test_a_full_server_still_serves_those_who_are_in_and_its_host(client: TestClient) -> None:
    with client.websocket_connect(guard.STREAM), client.websocket_connect(guard.STREAM):
        assert client.get("/assets/lab.js", headers={"accept": "*/*"}).text == "The page."
        assert client.post("/frames/token", json={}).json() == {"gone": True}


@pytest.mark.parametrize("part", ["fragment_id", "page_script_hash", "page_name"])
@pytest.mark.parametrize("name", ["x" * 201, "a line\nof the log"])
def test_what_streamlit_would_only_log_ends_the_connection(client: TestClient, part: str, name: str) -> None:
    ask = BackMsg()
    setattr(ask.rerun_script, part, name)
    for nonsense in (ask.SerializeToString(), b"\xff" * 9):
        with client.websocket_connect(guard.STREAM) as socket:
            socket.send_bytes(ASK)
            assert socket.receive_bytes() == ASK
            socket.send_bytes(nonsense)
            with pytest.raises(WebSocketDisconnect):
                socket.receive_bytes()
    assert guard.SESSIONS.open == 0


@pytest.mark.parametrize("kind", ["clear_cache", "set_run_on_save", "load_git_info", "debug_shutdown_runtime"])
def test_what_only_developers_ask_for_is_passed_over(client: TestClient, kind: str) -> None:
    with client.websocket_connect(guard.STREAM) as socket:
        ask = BackMsg()
        setattr(ask, kind, True)
        socket.send_bytes(ask.SerializeToString())
        socket.send_bytes(ASK)
        assert socket.receive_bytes() == ASK


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/upload_file/session/file",
        "/_stcore/agent/interact",
        "/_stcore/agent/mcp",
        "/below/_stcore/upload_file/a/b",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_doors_that_no_page_uses_are_shut(client: TestClient, path: str, method: str) -> None:
    assert client.request(method, path).status_code == 404


def test_every_refusal_carries_the_headers(client: TestClient) -> None:
    assert client.put("/_stcore/upload_file/a/b").headers["x-content-type-options"] == "nosniff"
