"""An exported experiment runs by itself, and gives the numbers of the app."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import book, export
from core.engine.inline import InlineEngine
from core.lab import replace

NEEDED = {"numpy", "tensorflow", "scikit-learn", "scipy", "altair", "mnist1d", "pandas", "threadpoolctl"}
QUICK: dict[str, Any] = {"steps": 300, "replicas": 4}


def run_alone(source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "experiment.py"
    script.write_text(source, "utf-8")
    (folder / "mnist1d.npz").write_bytes((book.ASSETS / "mnist1d.npz").read_bytes())
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, "-I", str(script)], cwd=folder, env=quiet, capture_output=True, text=True, timeout=600
    )


def compare(alone: Any, here: Any, name: str = "result") -> None:
    """Numbers agree to a fraction of a percent; what training amplified, more loosely."""
    if isinstance(here, dict):
        assert set(alone) == set(here), name
        for key in here:
            compare(alone[key], here[key], f"{name}.{key}")
    elif isinstance(here, list | tuple):
        assert len(alone) == len(here), name
        for index, value in enumerate(here):
            compare(alone[index], value, f"{name}[{index}]")
    elif isinstance(here, int | float) and not isinstance(here, bool):
        np.testing.assert_allclose(alone, here, rtol=0.02, atol=1e-9, err_msg=name)
    else:
        assert alone == here, name


def check(name: str, params: Any, folder: Path) -> None:
    done = run_alone(export.script(name, params), folder)
    assert done.returncode == 0, done.stderr[-2000:]
    engine = InlineEngine()
    run = engine.open(name, params, "test")
    frames = []
    while (frame := engine.next(run)) is not None:
        frames.append(frame)
    lab = book.lab(name)
    printed = done.stdout[done.stdout.index("\n{\n") :]
    found, end = json.JSONDecoder().raw_decode(printed.strip())
    compare(found, json.loads(json.dumps(lab.result(params, frames))))
    assert printed.strip()[end:].strip() == lab.sentence(params, frames)


@pytest.mark.parametrize("name", book.lab_names())
def test_script_needs_nothing_of_ours(name: str) -> None:
    source = export.script(name, book.lab(name).Params())
    tree = ast.parse(source)
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    packages = {module.partition(".")[0] for module in imported} - sys.stdlib_module_names
    assert {export.REQUIRES.get(package, package) for package in packages} <= NEEDED
    assert "streamlit" not in source and str(book.ROOT) not in source
    compile(source, name, "exec")


@pytest.mark.parametrize("name", book.lab_names())
def test_notebook_holds_the_same_code(name: str) -> None:
    params = book.lab(name).Params()
    cells = json.loads(export.notebook(name, params))["cells"]
    code = "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code")
    script = export.script(name, params)
    wanted = {ast.unparse(node) for node in ast.parse(script).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert wanted <= {ast.unparse(node) for node in ast.parse(code).body}


def test_script_gives_the_numbers_of_the_app(tmp_path: Path) -> None:
    check("sine_fits.beyond", replace(book.lab("sine_fits.beyond").Params(), QUICK), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", book.lab_names())
def test_every_script_gives_the_numbers_of_the_app(name: str, tmp_path: Path) -> None:
    check(name, book.lab(name).Params(), tmp_path)


def test_a_name_that_two_modules_have_is_told_apart() -> None:
    source = export.script("sine_fits.beyond", book.lab("sine_fits.beyond").Params())
    defined = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(defined) == len(set(defined))
    assert {"result", "curves_result"} <= set(defined)


def test_a_name_that_a_variable_hides_is_told_apart() -> None:
    source = export.script("saddle_counts.dimension", book.lab("saddle_counts.dimension").Params())
    assert "def kac_rice_exact(" in source and "= kac_rice_exact(n).fractions" in source
