"""The Dockerfile's promises, as far as they can be read off it."""

import re
import shlex

import pytest

from core.book import ROOT

LINES = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
STEPS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]
IGNORED = (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def stages() -> dict[str, tuple[str, list[list[str]]]]:
    """Each stage by name, with what it stands on and its steps."""
    found: dict[str, tuple[str, list[list[str]]]] = {}
    steps: list[list[str]] = []
    for step in STEPS:
        if step[0] == "FROM":
            origin, _, name = step[1].partition(" AS ")
            found[name] = (origin, steps := [])
        else:
            steps.append(step)
    return found


def all_steps(target: str) -> list[list[str]]:
    """The steps that make a target's file system, those of the stages below it included."""
    origin, steps = stages()[target]
    return (all_steps(origin) if origin in stages() else []) + steps


def copied(target: str) -> list[str]:
    """What a target takes from the repository."""
    sources: list[str] = []
    for kind, rest in all_steps(target):
        if kind == "COPY" and not rest.startswith("--from"):
            sources += shlex.split(rest)[:-1]
    return sources


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_runs_as_nobody_special_and_says_how_it_fares(target: str) -> None:
    steps = dict(reversed(all_steps(target)))
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", steps["USER"])
    assert "/healthz" in steps["HEALTHCHECK"]
    assert steps["CMD"] == '["streamlit", "run", "app.py"]'  # No shell between it and the signal to stop.


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_holds_all_that_runs_and_no_tests(target: str) -> None:
    assert {"app.py", "core", "pages", "assets", ".streamlit/config.toml"} <= set(copied(target))
    assert not any("tests" in source for source in copied(target))


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in IGNORED if line.startswith("!")}
    for target in stages():
        for source in copied(target):
            assert (ROOT / source).exists()
            assert any(source == name or source.startswith(f"{name}/") for name in allowed), source


@pytest.mark.parametrize(("stage", "extra"), [("install-cpu", ""), ("install-cuda", "gpu")])
def test_what_is_installed_is_what_was_tested(stage: str, extra: str) -> None:
    [install] = [rest for kind, rest in stages()[stage][1] if kind == "RUN"]
    assert "--constraint requirements.lock" in install and f".[{extra}" in install.replace("${EXTRAS:+", "")
