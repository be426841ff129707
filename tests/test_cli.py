import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import bench, book, contenders, stored
from core.__main__ import main
from core.cli import sweeps
from core.contenders import Net
from core.engine import RunLost, worker
from core.engine.inline import InlineEngine
from core.lab import Claim, Frame, Lab, Unfit, knob, knobs, spread

ROOT = book.PAGES.parent
CHAPTER = book.Chapter(7, "chapter", "A chapter", "A question?")


def read_text(text: str) -> None:
    if text != "fine":
        raise Unfit(f"{text!r} is not fine.")


@dataclass(frozen=True)
class Params:
    width: int = knob(4, choices=(2, 4, 8), label="Width", help="How wide.")
    learning_rate: float = knob(0.1, low=0.01, high=1.0, log=True, label="Learning rate")
    steps: int = knob(3, low=1, high=9, label="Steps")
    text: str = knob("fine", label="Text", parse=read_text)


def run(params: Params) -> Iterator[Frame]:
    for step in range(params.steps + 1):
        error = np.array([1.0, 2.0, np.nan]) / (step + 1)
        yield Frame(step, params.steps, {"error": error, "curve": np.ones((3, 2))})


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    found = spread(frames[-1].values["error"])
    return {"error": found["median"], "infinite": np.inf, "nothing": np.float64("nan"), "spread": {"error": found}}


def nothing(*_: object) -> Any:
    raise NotImplementedError


LAB = Lab(
    "A lab",
    Params,
    run,
    nothing,
    nothing,
    result,
    lambda params, frames: "This run shows ≤ 1 thing.",
    lambda params: {"replica": range(3)},
)


def broken() -> float:
    raise ZeroDivisionError("by nothing")


CLAIMS = [
    Claim("right", "It is 2.", "exact", 2.0, lambda: 2.0),
    Claim("near", "It is 2.", "published", 2.0, lambda: 2.05, tolerance=0.1, source="somebody2020"),
    Claim("wrong", "It is at most 2.", "measured", 2.0, lambda: 3.0, relation="at most"),
    Claim("lost", "It is 2.", "measured", 2.0, lambda: float("nan")),
    Claim("broken", "It is 2.", "measured", 2.0, broken),
    Claim("elsewhere", "It is 2.", "published", 2.0, None, source="somebody2020"),
    Claim("slow", "It is 2.", "measured", 2.0, broken, slow=True),
]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A book of one chapter, one lab and six claims, which needs no TensorFlow."""
    monkeypatch.setattr(book, "chapters", lambda: (CHAPTER,))
    monkeypatch.setattr(book, "labs", lambda slug: {"lab": LAB})
    monkeypatch.setattr(book, "lab_names", lambda: ["chapter.lab"])
    monkeypatch.setattr(book, "lab", {"chapter.lab": LAB}.__getitem__)
    monkeypatch.setattr(book, "claims", lambda slug: {claim.id: claim for claim in CLAIMS})
    monkeypatch.setattr(worker, "find_device", lambda: "a device")
    monkeypatch.setattr(stored, "RUNS", tmp_path)
    monkeypatch.chdir(tmp_path)


class Screen:
    """What a command printed, and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def type(self, *words: str) -> tuple[int, str, str]:
        status = main(words)
        out, err = self._capsys.readouterr()
        return status, out, err


@pytest.fixture
def screen(fake: None, capsys: pytest.CaptureFixture[str]) -> Screen:
    return Screen(capsys)


def read_json(text: str) -> Any:
    """One JSON object with no number that JSON does not have."""
    return json.loads(text, parse_constant=lambda token: pytest.fail(f"{token} in JSON"))


def test_list_shows_every_setting(screen: Screen) -> None:
    status, out, err = screen.type("list")
    assert (status, err) == (0, "")
    for word in ("7. A chapter", "chapter.lab: A lab", "learning_rate", "0.01 to 1", "2, 4, 8", "How wide.", "text"):
        assert word in out


def test_list_as_json(screen: Screen) -> None:
    _, out, _ = screen.type("list", "--json")
    [chapter] = read_json(out)["chapters"]
    assert (chapter["slug"], chapter["number"], chapter["title"]) == ("chapter", 7, "A chapter")
    [lab] = chapter["labs"]
    assert (lab["name"], lab["title"]) == ("chapter.lab", "A lab")
    assert lab["settings"][:2] == [
        {"name": "width", "type": "int", "default": 4, "low": None, "high": None, "log": False, "choices": [2, 4, 8]}
        | {"label": "Width", "help": "How wide."},
        {"name": "learning_rate", "type": "float", "default": 0.1, "low": 0.01, "high": 1.0, "log": True, "choices": []}
        | {"label": "Learning rate", "help": ""},
    ]


def test_run_prints_a_sentence_and_a_table(screen: Screen) -> None:
    status, out, err = screen.type("run", "chapter.lab")
    assert (status, err) == (0, "")
    assert out.startswith("This run shows ≤ 1 thing.\n")
    assert "error" in out and "0.375" in out and "a device" in out


def test_run_as_json_with_settings(screen: Screen) -> None:
    status, out, err = screen.type(
        "run", "chapter.lab", "--set", "width=8", "--set", "learning-rate=0.5", "--json", "--set", "steps=1"
    )
    assert (status, err) == (0, "")
    answer = read_json(out)
    assert list(answer) == ["lab", "params", "frames", "seconds", "device", "result"]
    assert answer["params"] == {"width": 8, "learning_rate": 0.5, "steps": 1, "text": "fine"}
    assert (answer["lab"], answer["frames"], answer["device"]) == ("chapter.lab", 2, "a device")
    assert answer["result"]["infinite"] is None and answer["result"]["nothing"] is None
    assert answer["result"]["spread"]["error"]["replicas"] == [0.5, 1.0, None]


def test_run_writes_frames_as_csv(screen: Screen) -> None:
    status, out, err = screen.type("run", "chapter.lab", "--csv", "-")
    assert (status, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == ["step", "replica", "error"] and len(rows) == 4 * 3
    status, out, err = screen.type("run", "chapter.lab", "--csv", "frames.csv", "--curves", "--json")
    assert (status, err, read_json(out)["frames"]) == (0, "", 4)
    with Path("frames.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["step", "replica", "error", "curve[0]", "curve[1]"]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep's engine without processes."""
    monkeypatch.setattr(sweeps, "choose", lambda environment, limits: (InlineEngine(), []))


def test_sweep_runs_every_combination_in_order(here: None, screen: Screen) -> None:
    line = ("sweep", "chapter.lab", "--over", "width=8,2,8", "--over", "steps=1,2", "--set", "learning-rate=0.5")
    status, out, err = screen.type(*line, "--json", "--csv", "sweep.csv")
    assert (status, err) == (0, "")
    answer = read_json(out)
    assert answer["over"] == {"width": [8, 2], "steps": [1, 2]}
    assert [(run["params"]["width"], run["params"]["steps"]) for run in answer["runs"]] == [
        (8, 1),
        (8, 2),
        (2, 1),
        (2, 2),
    ]
    assert {run["params"]["learning_rate"] for run in answer["runs"]} == {0.5}
    assert [run["result"]["error"] for run in answer["runs"]] == [0.75, 0.5, 0.75, 0.5]
    with Path("sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["width"], row["steps"], row["error"]) for row in rows][:2] == [("8", "1", "0.75"), ("8", "2", "0.5")]
    status, out, err = screen.type(*line)
    assert (status, err) == (0, "") and "0.75 (0.5" in out


def test_a_run_that_is_lost_costs_no_other_and_ends_with_1(
    here: None, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(params: Params) -> Iterator[Frame]:
        if params.width == 2:
            raise RunLost("It was lost.")
        return run(params)

    monkeypatch.setattr(book, "lab", {"chapter.lab": replace(LAB, run=fail)}.__getitem__)
    status, out, err = screen.type("sweep", "chapter.lab", "--over", "width=2,4", "--json")
    assert (status, err) == (1, "It was lost.\n")
    lost, good = read_json(out)["runs"]
    assert lost["lost"] == "It was lost." and good["result"]["error"] == 0.375


def test_a_sweep_that_is_too_large_is_refused_before_it_is_spelled_out(
    here: None, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("itertools.product", None)
    rates = ",".join(f"{number / 2000}" for number in range(20, 2001))
    status, out, err = screen.type(
        "sweep", "chapter.lab", "--over", f"learning_rate={rates}", "--over", "steps=1,2,3,4,5,6"
    )
    assert (status, out, err) == (2, "", "These are 11,886 runs; a sweep has at most 10,000.\n")


@pytest.mark.slow
def test_a_sweep_on_workers_gives_what_single_runs_give(capsys: pytest.CaptureFixture[str]) -> None:
    def ask(*words: str) -> Any:
        assert main(words) == 0
        return read_json(capsys.readouterr().out)

    small = ("--set", "steps=300", "--json")
    found = ask("sweep", "sine_fits.fit", "--over", "width=4,16", *small)["runs"]
    for width, run in zip((4, 16), found, strict=True):
        assert run["result"] == ask("run", "sine_fits.fit", "--set", f"width={width}", *small)["result"]


ERRORS = {
    "": "The following arguments are required: COMMAND; python -m core --help says more.",
    "lisp": "Argument COMMAND: invalid choice: 'lisp'",
    "list --jason": "Unrecognised arguments: --jason; python -m core --help says more.",
    "run": "The following arguments are required: CHAPTER.LAB; python -m core run --help says more.",
    "run chapter.lap": "There is no lab “chapter.lap”; did you mean chapter.lab?",
    "run lab": "There is no lab “lab”; did you mean chapter.lab?",
    "run 42": "There is no lab “42”.",
    "run chapter.lab --set": "Argument --set: expected one argument",
    "run chapter.lab --set width": "--set takes NAME=VALUE, as in width=64, not “width”.",
    "run chapter.lab --set wdith=4": "There is no setting “wdith”; did you mean width?",
    "run chapter.lab --set width=5": "width: Width must be one of 2, 4, 8, not “5”.",
    "run chapter.lab --set steps=10": "steps: Steps must be a whole number from 1 to 9, not “10”.",
    "run chapter.lab --set steps=1.5": "steps: Steps must be a whole number from 1 to 9, not “1.5”.",
    "run chapter.lab --set learning_rate=fast": "learning_rate: Learning rate must be a number from 0.01 to 1",
    "run chapter.lab --set learning_rate=nan": "learning_rate: Learning rate must be a number from 0.01 to 1",
    "run chapter.lab --set learning_rate=-inf": "learning_rate: Learning rate must be a number from 0.01 to 1",
    "run chapter.lab --set text=coarse": "text: 'coarse' is not fine.",
    "run chapter.lab --csv no/such/folder.csv": "Nothing can be written to “no/such/folder.csv”.",
    "run chapter.lab --csv .": "Nothing can be written to “.”.",
    "run chapter.lab --json --csv -": "Only one of --json and --csv - can have standard output.",
    "run chapter.lab --curves": "--curves says what --csv writes, so it needs --csv.",
    "sweep chapter.lab": "The following arguments are required: --over; python -m core sweep --help says more.",
    "sweep chapter.lab --over width": "--over takes NAME=VALUE,VALUE, as in width=4,16,64, not “width”.",
    "sweep chapter.lab --over width=": "--over takes NAME=VALUE,VALUE, as in width=4,16,64, not “width=”.",
    "sweep chapter.lab --over width=2,": "width: Width must be one of 2, 4, 8, not “”.",
    "sweep chapter.lab --over wdith=2": "There is no setting “wdith”; did you mean width?",
    "sweep chapter.lab --over text=fine": "“text” is a text: it can be set, but not swept.",
    "sweep chapter.lab --over width=2 --over width=4": "“width” is swept twice; all its values belong into one --over.",
    "sweep chapter.lab --over width=2 --set width=4": "“width” is in --set and in --over; it can be in one of them",
    "sweep chapter.lab --over width=2 --json --csv -": "Only one of --json and --csv - can have standard output.",
    "sweep chapter.lab --over width=2 --csv .": "Nothing can be written to “.”.",
    "check wrnog": "There is no claim “wrnog”",
    "check chapter.elsewhere": "The number “chapter.elsewhere” was published elsewhere, and is not measured here.",
    "bench --rounds 0": "Argument --rounds: “0” is not a whole number from 1 to 100; python -m core bench",
    "bench --seconds nan": "Argument --seconds: “nan” is not a number of seconds from 0.01 to 60",
    "store chapter.lob": "There is no lab “chapter.lob”; did you mean chapter.lab?",
}


@pytest.mark.parametrize("line", ERRORS)
def test_an_error_is_one_sentence_and_status_2(screen: Screen, line: str) -> None:
    status, out, err = screen.type(*line.split())
    assert (status, out) == (2, "")
    assert err.startswith(ERRORS[line]) and err.count("\n") == 1 and err.rstrip()[-1] in ".?"


@pytest.mark.parametrize("command", ["list", "run", "sweep", "export", "check", "bench", "store", "data"])
def test_help_has_an_example(screen: Screen, command: str) -> None:
    status, out, err = screen.type(command, "--help")
    assert (status, err) == (0, "")
    assert f"Example:\n  python -m core {command}" in out


def test_check_misses_what_is_wrong_lost_or_raises(screen: Screen) -> None:
    status, out, err = screen.type("check", "--quick")
    assert (status, err) == (1, "")
    verdicts = {
        name: line.split()[-2]
        for line in out.splitlines()
        for name in ("right", "near", "wrong", "lost", "broken")
        if f".{name} " in line
    }
    assert verdicts == {"right": "holds", "near": "holds", "wrong": "misses", "lost": "misses", "broken": "misses"}
    assert "ZeroDivisionError: by nothing" in out and "≤ 2" in out and "somebody2020" in out
    assert "2 of 5 claims hold." in out


def test_check_of_what_holds(screen: Screen) -> None:
    assert screen.type("check", "right", "chapter.near")[0] == 0
    assert screen.type("check", "slow", "--quick")[0] == 0
    assert screen.type("check", "slow")[0] == 1


def test_check_as_json(screen: Screen) -> None:
    status, out, _ = screen.type("check", "near", "broken", "--json")
    answer = read_json(out)
    near, failed = answer["claims"]
    assert (status, answer["missed"]) == (1, 1)
    assert (near["id"], near["measured"], near["holds"], near["source"]) == ("chapter.near", 2.05, True, "somebody2020")
    assert (failed["measured"], failed["holds"], failed["error"]) == (None, False, "ZeroDivisionError: by nothing")


def test_export_writes_a_script_or_a_notebook(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ("export", "sine_fits.fit", "--set", "width=64")
    assert main(command) == 0
    assert "Params(target='sine', points=10, width=64" in capsys.readouterr().out
    written = tmp_path / "fit.ipynb"
    assert main((*command, "--notebook", "--output", str(written))) == 0
    assert json.loads(written.read_text("utf-8"))["nbformat"] == 4


def test_check_asks_which_of_two_chapters_is_meant(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    other = book.Chapter(8, "other", "Another", "A question?")
    monkeypatch.setattr(book, "chapters", lambda: (CHAPTER, other))
    status, _, err = screen.type("check", "right")
    assert (status, err) == (2, "Several chapters have a claim “right”: chapter.right, other.right.\n")
    assert screen.type("check", "other.right")[0] == 0


def test_store_and_its_check(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    assert screen.type("store", "--check")[:2] == (1, "chapter.lab: no run is stored.\n")
    status, out, _ = screen.type("store")
    assert status == 0 and out.startswith("chapter.lab: 4 frames, ") and stored.path("chapter.lab").exists()
    assert screen.type("store", "--check", "chapter.lab")[:2] == (0, "chapter.lab: as stored.\n")


def test_bench_measures_what_is_installed(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    numpy = contenders.CONTENDERS["numpy"]
    absent = contenders.Contender("Something else", 1, "no_such_package", nothing)
    for module in (bench, contenders):
        monkeypatch.setattr(module, "NETS", contenders.NETS[:1])
    chosen = {"numpy": numpy, "absent": absent}
    monkeypatch.setattr(bench, "CONTENDERS", chosen)
    monkeypatch.setattr("core.cli.speed.CONTENDERS", chosen)
    status, out, _ = screen.type("bench", "--rounds", "1", "--seconds", "0.01", "--json")
    answer = read_json(out)
    [net] = answer["nets"]
    [row] = net["rows"]
    assert status == 0 and net["net"] == Net(32, 1, 10).title and answer["not_installed"] == ["Something else"]
    assert row["net_steps_per_second"] > 100 and row["ratios"] == {"numpy": 1}
    status, out, _ = screen.type("bench", "--rounds", "1", "--seconds", "0.01")
    assert status == 0 and "numpy, by hand" in out and "Not installed: Something else." in out


def test_a_contender_that_fails_is_one_sentence_and_status_1(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "CONTENDERS", {"no-such": contenders.CONTENDERS["numpy"]})
    status, out, err = screen.type("bench", "--rounds", "1", "--seconds", "0.01")
    assert (status, out) == (1, "") and err == "numpy, by hand: KeyError: 'no-such'\n"


def start(*words: str, **changes: Any) -> "subprocess.Popen[str]":
    """``python -m core`` as a shell starts it: with Ctrl-C not ignored, whatever started the tests."""
    script = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"
    )
    command = [sys.executable, "-c", script, sys.executable, "-m", "core", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8", "cwd": ROOT}
    return subprocess.Popen(command, **{**pipes, **changes})


def test_a_real_run_prints_one_json_object_and_nothing_else() -> None:
    with start("run", "sine_fits.fit", "--set", "steps=300", "--set", "replicas=1", "--json") as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    answer = read_json(out)
    lab = book.lab("sine_fits.fit")
    assert set(answer["params"]) == set(knobs(lab.Params)) and answer["params"]["steps"] == 300
    assert answer["frames"] == 151 and 0 < answer["result"]["train_rmse"] < 1
    assert answer["device"]


def test_python_errors_are_not_hidden() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = "import core.cli.labs, core.__main__ as m; core.cli.labs.show_list = None; m.enter()"
    command = [sys.executable, "-c", script, "list"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "TypeError" in done.stderr


def test_a_reader_that_leaves_ends_the_command_quietly() -> None:
    with start("list", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_one_sentence() -> None:
    with Path("/dev/full").open("w") as full, start("list", "--json", stdout=full) as process:
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "Not all could be written: No space left on device.\n")


@pytest.mark.parametrize("seconds", [1.5, 4.0])
def test_ctrl_c_ends_a_command_quietly(seconds: float) -> None:
    with start("run", "sine_fits.beyond", "--set", "steps=10000", "--set", "width=64", "--set", "depth=3") as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
