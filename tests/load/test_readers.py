"""The load test at a small scale, and what it counts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.load.reader import Visit
from tests.load.readers import parse, summarise


@pytest.mark.slow
def test_readers_who_are_more_than_there_is_room_for_queue_and_are_served() -> None:
    house = {"WDLW_RUNS_PER_WORKER": "2", "WDLW_WORKERS": "1", "WDLW_IDLE_SECONDS": "5"}
    script = str(Path(__file__).with_name("readers.py"))
    options = ["--readers", "4", "--seconds", "16", "--arrive", "1", "--wait", "60", "--json"]
    done = subprocess.run(
        [sys.executable, script, *options], env=os.environ | house, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["errors"], seen["refusals"], seen["runs left"]) == (0, 0, 0), seen
    assert seen["frames"] > 4 and seen["reruns"] >= 4, seen
    assert seen["times queued"] >= 1 and seen["places that grew"] == 0, seen


def test_what_was_seen_is_counted() -> None:
    one = Visit(text=0.5, first_frames=[0.1, 0.3], frames=20, watched=4.0, questions=25, received=2500)
    other = Visit(text=1.5, first_frames=[0.2], frames=10, watched=5.0, questions=15, received=1500)
    other.places, other.queued, other.errors = [[3, 2, 2, 1], [1, 2]], [4.0, 1.0], ["lost", "lost"]
    seen = summarise([one, other, Visit()])
    assert (seen["text s, median"], seen["text s, worst"]) == (1.0, 1.5)
    assert (seen["first frame s, median"], seen["first frame s, 95 %"]) == (0.2, 0.3)
    assert (seen["frames/s each, least"], seen["frames/s each, median"]) == (2.0, 3.5)
    assert (seen["questions a frame"], seen["bytes a question"]) == (1.33, 100)
    assert (seen["times queued"], seen["largest place"], seen["places that grew"]) == (2, 3, 1)
    assert seen["errors"] == 2 and seen["said"] == {"lost": 2}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--readers", "0"], "--readers must be at least 1, not 0."),
        (["--seconds", "nan"], "--seconds must be at least 1, not nan."),
        (["--lab", "sine_fits.none"], "there is no lab “sine_fits.none”"),
        (["--url", "localhost:8501"], "--url must begin with http:// or https://"),
    ],
)
def test_an_option_that_makes_no_sense_is_one_sentence(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(options)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
