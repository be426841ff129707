"""Where a server's readers share their finished runs."""

import stat
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from core.shared import SUBDIRECTORY
from core.ui.limits import limits
from core.ui.shared import shared_runs


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """What the environment says is read anew; a user's own directories are not touched."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("WDLW_CACHE_MB", "1")
    monkeypatch.delenv("WDLW_CACHE", raising=False)
    for remembered in (limits, shared_runs):
        remembered.cache_clear()
    yield monkeypatch
    for remembered in (limits, shared_runs):
        remembered.cache_clear()


@pytest.mark.parametrize("value", ["", "  "])
def test_a_users_own_directory_is_the_default_and_private(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("WDLW_CACHE", value)
    shared_runs()
    place = platformdirs.user_cache_path("why-deep-learning-works", False) / SUBDIRECTORY
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


@pytest.mark.parametrize("value", ["{home}/named/here", "~/named/here"])
def test_a_host_may_name_another(environment: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    environment.setenv("WDLW_CACHE", value.format(home=tmp_path))
    shared_runs()
    assert (tmp_path / "named" / "here" / SUBDIRECTORY).is_dir()


@pytest.mark.parametrize("value", ["/dev/null", "~nobody-of-that-name/x\n", "x" * 5000])
def test_a_name_that_cannot_be_used_is_one_line_in_the_log(
    environment: pytest.MonkeyPatch, tmp_path: Path, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    environment.chdir(tmp_path)
    environment.setenv("WDLW_CACHE", value)
    shared_runs()
    assert len(caplog.messages) <= 1
    assert value.startswith("~") or caplog.messages[0].startswith("Finished runs cannot be kept in ")


@pytest.mark.parametrize("value", ["-1", "many", "nan", "1e9"])
def test_a_bound_that_cannot_be_read_is_one_line_in_the_log_and_the_default(
    environment: pytest.MonkeyPatch, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("WDLW_CACHE_MB", value)
    shared_runs()
    assert limits().cache_mb == 512
    assert len(caplog.messages) == 1 and "WDLW_CACHE_MB must be a whole number from 0 to" in caplog.messages[0]
