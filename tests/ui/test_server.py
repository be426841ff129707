"""The server's own settings, and the parts of Streamlit that they lean on."""

import asyncio
import gc
import tomllib
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import MagicMock

import pytest
from streamlit import config, net_util
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.web.server import server_util

from core.book import ROOT
from core.engine.inline import InlineEngine
from core.ui import server
from core.ui.metrics import Counted


def test_the_repository_turns_the_collection_after_each_script_off() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert settings["runner"]["postScriptGC"] is False
    assert settings["runner"]["fastReruns"] is False
    assert settings["browser"]["gatherUsageStats"] is False


@pytest.mark.parametrize("collects", [True, False])
def test_streamlit_still_obeys_that_setting(monkeypatch: pytest.MonkeyPatch, collects: bool) -> None:
    calls: list[object] = []
    monkeypatch.setattr(gc, "collect", lambda *generation: calls.append(generation))
    before = config.get_option("runner.postScriptGC")
    config.set_option("runner.postScriptGC", collects)
    try:
        runner: Any = MagicMock()
        ScriptRunner._on_script_finished(runner, MagicMock(has_script_started=False), MagicMock(), True, MagicMock())
    finally:
        config.set_option("runner.postScriptGC", before)
    assert bool(calls) == collects


def test_no_host_is_asked_for_this_machines_address_when_a_foreign_page_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*args: object, **options: object) -> None:
        raise AssertionError("A host was asked.")

    monkeypatch.setattr("requests.get", ask)
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    monkeypatch.setattr(server, "engine", lambda: Counted(InlineEngine()))
    monkeypatch.setattr("core.ui.logs.set_up", lambda: None)
    monkeypatch.setattr("core.ui.farewell.begin_at_sigterm", lambda: None)

    async def refuse() -> None:
        async with server.lifespan(MagicMock()):
            assert not server_util.is_url_from_allowed_origins("https://stranger.example")

    with ThreadPoolExecutor() as thread:  # The browser that other tests drive has a loop in this one.
        thread.submit(asyncio.run, refuse()).result()


def test_what_a_page_never_kept_is_its_own_fault() -> None:
    with pytest.raises(KeyError) as missing:
        exec(
            compile(
                "import streamlit; streamlit.session_state['nothing']", str(ROOT / "core" / "ui" / "labs.py"), "exec"
            )
        )
    assert not server._is_the_browsers(missing.value)


def test_what_a_browser_says_wrongly_is_no_fault_of_a_page() -> None:
    def fail(file: str) -> Exception:
        try:
            exec(compile("1 / 0", file, "exec"))
        except ZeroDivisionError as error:
            return error
        raise AssertionError

    widget, fold = server.READING
    ours = fail(str(ROOT / "core" / "ui" / "labs.py"))
    assert server._is_the_browsers(fail(str(widget / "session_state.py"))) and server._is_the_browsers(fail(str(fold)))
    assert not server._is_the_browsers(ours)
