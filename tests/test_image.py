"""The Dockerfile's promises, as far as they can be read off it."""

import re
import shlex
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from core.book import ROOT

LINES = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
STEPS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
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
    """What a target, and the stages that it copies from, take from the repository."""
    sources: list[str] = []
    for kind, rest in all_steps(target):
        if kind == "COPY":
            *from_where, _ = shlex.split(rest)
            stage = from_where[0].removeprefix("--from=")
            sources += copied(stage) if stage in stages() else from_where
    return sources


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_a_changed_essay_leaves_the_layer_of_the_libraries_as_it_was(target: str) -> None:
    copies = [rest for kind, rest in all_steps(target) if kind == "COPY"]
    assert copies == [f"--from=slim-{target} /opt/venv /opt/venv", "--from=app /app /app"]


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


def test_what_a_gpu_needs_is_pinned_too() -> None:
    needed = {Requirement(line).name for line in requires("tensorflow") or () if 'extra == "and-cuda"' in line}
    assert needed and needed <= set(re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE))
