import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import book

ROOT = book.PAGES.parent
LAYERS = (
    ("core.lab", "core.sketch"),
    (
        "core.charts",
        "core.classification",
        "core.curvature",
        "core.data",
        "core.hinges",
        "core.nets",
        "core.recording",
        "core.tables",
        "core.training",
    ),
    ("core.experiments",),
    ("core.book",),
    (
        "core.bibliography",
        "core.engine",
        "core.essay",
        "core.evidence",
        "core.export",
        "core.glossary",
        "core.lessons",
        "core.pictures",
        "core.shared",
        "core.stored",
    ),
    ("core.readings",),
    ("core.search",),
    ("core.bench", "core.cli", "core.contenders", "core.ui", "core.__main__"),
    ("app", "pages"),
)
"""From what knows nothing to what knows all: a module imports from its own layer and from those before it."""
SOURCES = sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "app.py"])


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layer(module: str) -> int:
    for number, names in enumerate(LAYERS):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return number
    raise AssertionError(f"{module} stands in no layer: give it one in {Path(__file__).name}.")


def imports(path: Path) -> Iterator[str]:
    """What a file imports, wherever it does; ``from a import b`` is ``a.b`` where that is a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path} imports relatively."
            for alias in node.names:
                inner = ROOT.joinpath(*node.module.split("."), alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_go_one_way(path: Path) -> None:
    module = module_of(path)
    if module == "core":
        return
    own = [name for name in imports(path) if name.startswith(("core.", "pages"))]
    upwards = [name for name in own if layer(name) > layer(module)]
    assert not upwards, f"{module} imports {upwards}"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_only_pages_know_streamlit(path: Path) -> None:
    knows = any(name.partition(".")[0] == "streamlit" for name in imports(path))
    assert not knows or module_of(path).startswith(("app", "pages", "core.ui"))


@pytest.mark.parametrize("chapter", book.chapters(), ids=lambda chapter: chapter.slug)
def test_chapters_do_not_import_each_other(chapter: book.Chapter) -> None:
    package = f"core.experiments.{chapter.slug}"
    for path in (ROOT / "core" / "experiments" / chapter.slug).glob("*.py"):
        others = [name for name in imports(path) if name.startswith("core.experiments.")]
        assert all(name.startswith(package) for name in others), f"{module_of(path)} imports {others}"


@pytest.mark.parametrize(
    ("imported", "absent"),
    [
        ("book, stored; book.lab_names()", ("tensorflow", "keras", "sklearn", "streamlit")),
        ("book; [book.claims(chapter.slug) for chapter in book.chapters()]", ("tensorflow", "keras", "streamlit")),
        (
            "book; from core.engine import actor, inline, local, ray, worker; book.lab_names()",
            ("tensorflow", "keras", "ray", "streamlit"),
        ),
        ("book; from core.ui import chapter, server; book.lab_names()", ("tensorflow", "keras", "ray")),
        ("__main__", ("tensorflow", "keras", "streamlit", "altair")),
    ],
    ids=["labs", "claims", "engine", "server", "commands"],
)
def test_what_a_process_need_not_import_it_does_not(imported: str, absent: tuple[str, ...]) -> None:
    script = f"import sys; from core import {imported}; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    modules = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout.split()
    assert "core" in modules and not set(absent) & set(modules)
