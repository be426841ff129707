"""The server's own settings, and the parts of Streamlit that they lean on."""

import gc
import tomllib
from typing import Any
from unittest.mock import MagicMock

import pytest
from streamlit import config
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from core.book import ROOT


def test_the_repository_turns_the_collection_after_each_script_off() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert settings["runner"]["postScriptGC"] is False
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
