"""An experiment as one script that needs none of this project: the definitions that its run uses, and no others.

The script is made from the modules that really run. Beginning with a lab's ``run``, ``result`` and ``sentence``, every
definition of this project that is named is gathered, wherever it stands; imports of our own modules fall away, and a
name that two modules give to different things is made one by its module's name.
"""

import ast
import importlib.metadata
import importlib.util
import json
import platform
import re
import sys
import textwrap
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from core import book
from core.lab import plain, settings

Key = tuple[str, str]
"""A definition: the module that holds it, and its name there."""

PACKAGE = "core"
INSTEAD = {("core.data", "MNIST_1D"): 'MNIST_1D = Path("mnist1d.npz")  # Generated if it is not there.'}
"""Definitions that a script cannot have as they are."""
ROOTS = ("Params", "run", "result", "sentence")
REQUIRES = {"sklearn": "scikit-learn"}
"""What has to be installed for a module whose package has another name."""


@dataclass
class _Module:
    """A module's source: its top-level definitions, and what its imports stand for."""

    name: str
    text: str
    tree: ast.Module
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    ours: dict[str, Key] = field(default_factory=dict)
    """Names that stand for another module's definition or, with an empty name there, for a module."""
    foreign: dict[str, str] = field(default_factory=dict)
    """Names that stand for something outside the project: the import statement that gives it."""


@dataclass
class _Piece:
    """A definition with what it names: definitions of ours, imports from outside, and the edits of its text."""

    key: Key
    order: int
    node: ast.stmt
    uses: set[Key] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    named: list[tuple[ast.AST, Key]] = field(default_factory=list)
    dropped: list[ast.stmt] = field(default_factory=list)
    hidden: set[Key] = field(default_factory=set)
    """What it uses of other modules while a variable of its own has that name."""


def script(lab: str, params: Any) -> str:
    """The lab (``chapter.name``) with these settings as a script that prints its result and its sentence."""
    return "\n\n\n".join(("\n\n".join(_head(lab, params)), *_definitions(lab), _main(params))) + "\n"


def notebook(lab: str, params: Any) -> str:
    """The same as a Jupyter notebook."""
    about, imports = _head(lab, params)
    text = about.strip('"\n')
    sources = [("markdown", text), ("code", imports), *(("code", piece) for piece in _definitions(lab))]
    sources.append(("code", _run(params)))
    cells = [_cell(kind, source, number) for number, (kind, source) in enumerate(sources)]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}, indent=1)


def _cell(kind: str, source: str, number: int) -> dict[str, Any]:
    cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
    return cell if kind == "markdown" else cell | {"outputs": [], "execution_count": None}


def _head(lab: str, params: Any) -> tuple[str, str]:
    slug = lab.partition(".")[0]
    chapter = next(chapter for chapter in book.chapters() if chapter.slug == slug)
    pieces = _gather(_home(lab))
    imports = _imports({line for piece in pieces.values() for line in piece.imports})
    packages = sorted({package for piece in pieces.values() for package in _packages(piece)} - {"__future__"})
    versions = ", ".join(f"{package} {_version(package)}" for package in packages)
    changed = [f"{name} {plain(value)}" for name, value in settings(params).items()]
    stated = textwrap.fill(f"Settings: {', '.join(changed)}.", 110)
    about = (
        f'"""{book.lab(lab).title}: a lab of the chapter “{chapter.title}” of Why Deep Learning Works.\n\n'
        f"{stated}\n\n"
        f"Exported with Python {platform.python_version()}; needs {versions}.\n"
        'Code: Apache-2.0.\n"""'
    )
    return about, imports


def _run(params: Any) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in settings(params).items())
    return (
        f"params = Params({given})\n"
        "frames = []\n"
        "for frame in run(params):\n"
        "    frames.append(frame)\n"
        '    print(f"step {frame.step:,} of {frame.total:,}", end="\\r")\n'
        "print()\n"
        "print(json.dumps(result(params, frames), indent=1))\n"
        "print(sentence(params, frames))"
    )


def _main(params: Any) -> str:
    body = "\n".join(f"    {line}" for line in _run(params).splitlines())
    return f'if __name__ == "__main__":\n{body}'


def _definitions(lab: str) -> list[str]:
    """The source of what the lab needs, a text for each module."""
    pieces = _gather(_home(lab))
    names = _names(pieces, _home(lab))
    texts = []
    for module, own in _ordered(pieces).items():
        text = f"# From {module.replace('.', '/')}.py"
        before = False
        for piece in own:
            long = isinstance(piece.node, ast.FunctionDef | ast.ClassDef)
            text += ("\n\n\n" if long or before else "\n") + _text(piece, names)
            before = long
        texts.append(text)
    return texts


def _home(lab: str) -> str:
    return f"{PACKAGE}.experiments.{lab}"


# --- reading modules -------------------------------------------------------------------------------------------------


@cache
def _module(name: str) -> _Module:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    text = Path(spec.origin).read_text("utf-8")
    module = _Module(name, text, ast.parse(text))
    for node in module.tree.body:
        for defined in _defined(node):
            module.definitions[defined] = node
    for part in ast.walk(module.tree):
        if isinstance(part, ast.Import):
            for alias in part.names:
                bound = alias.asname or alias.name.partition(".")[0]
                renamed = f" as {alias.asname}" if alias.asname else ""
                module.foreign[bound] = f"import {alias.name}{renamed}"
        elif isinstance(part, ast.ImportFrom):
            _read_from(module, part)
    return module


def _read_from(module: _Module, node: ast.ImportFrom) -> None:
    origin = node.module or ""
    for alias in node.names:
        bound = alias.asname or alias.name
        if origin.partition(".")[0] != PACKAGE:
            renamed = f" as {alias.asname}" if alias.asname else ""
            module.foreign[bound] = f"from {origin} import {alias.name}{renamed}"
        elif _is_module(f"{origin}.{alias.name}"):
            module.ours[bound] = (f"{origin}.{alias.name}", "")
        else:
            module.ours[bound] = (origin, alias.name)


def _is_module(name: str) -> bool:
    path = book.ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.Assign):
        return [leaf.id for target in node.targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)]
    return []


# --- what a definition names -----------------------------------------------------------------------------------------


class _Reader(ast.NodeVisitor):
    """Finds which names in a definition are not its own."""

    def __init__(self, module: _Module, piece: _Piece) -> None:
        self.module, self.piece = module, piece
        self.scopes: list[set[str]] = []

    def visit_Name(self, node: ast.Name) -> None:
        if any(node.id in scope for scope in self.scopes):
            return
        if node.id in self.module.definitions:
            self._use(node, (self.module.name, node.id))
        elif node.id in self.module.ours:
            self._use(node, self.module.ours[node.id])
        elif node.id in self.module.foreign:
            self.piece.imports.add(self.module.foreign[node.id])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        base = node.value
        if isinstance(base, ast.Name) and not any(base.id in scope for scope in self.scopes):
            owner = self.module.ours.get(base.id, ("", "-"))
            if owner[1] == "":
                self._use(node, (owner[0], node.attr))
                return
        self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if (node.module or "").partition(".")[0] == PACKAGE:
            self.piece.dropped.append(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for outside in (*node.decorator_list, *_defaults(node.args), *_annotations(node)):
            self.visit(outside)
        outer = self.scopes
        self.scopes = [*(scope for scope in outer if not isinstance(scope, _ClassScope)), _own(node, node.args)]
        for statement in node.body:
            self.visit(statement)
        self.scopes = outer

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for outside in _defaults(node.args):
            self.visit(outside)
        self._inside({argument.arg for argument in _arguments(node.args)}, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self.visit(outside)
        own = _ClassScope(name for statement in node.body for name in _defined(statement))
        self._inside(own, node.body)

    def _comprehension(self, node: Any) -> None:
        self.visit(node.generators[0].iter)
        targets = {leaf.id for part in node.generators for leaf in ast.walk(part.target) if isinstance(leaf, ast.Name)}
        inner = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for number, part in enumerate(node.generators):
            inner += ([part.iter] if number else []) + part.ifs
        self._inside(targets, inner)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _inside(self, names: set[str], nodes: list[Any]) -> None:
        self.scopes = [*self.scopes, names]
        for node in nodes:
            self.visit(node)
        self.scopes = self.scopes[:-1]

    def _use(self, node: ast.AST, key: Key) -> None:
        self.piece.uses.add(key)
        if any(key[1] in scope for scope in self.scopes):
            self.piece.hidden.add(key)
        self.piece.named.append((node, key))


class _ClassScope(set[str]):
    """Names of a class body, which its methods do not see."""


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    starred = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *starred]


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]


def _annotations(node: ast.FunctionDef) -> list[ast.expr]:
    found = [argument.annotation for argument in _arguments(node.args)] + [node.returns]
    return [annotation for annotation in found if annotation is not None]


def _own(node: ast.FunctionDef, arguments: ast.arguments) -> set[str]:
    """Names that a function binds itself: arguments, variables, and functions in it."""
    names = {argument.arg for argument in _arguments(arguments)}

    def bind(part: ast.AST) -> None:
        if isinstance(part, ast.FunctionDef | ast.ClassDef):
            names.add(part.name)
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, ast.ExceptHandler) and part.name:
            names.add(part.name)
        elif isinstance(part, ast.Import):
            names.update(alias.asname or alias.name.partition(".")[0] for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and (part.module or "").partition(".")[0] != PACKAGE:
            names.update(alias.asname or alias.name for alias in part.names)
        if not isinstance(
            part,
            ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
        ):
            for child in ast.iter_child_nodes(part):
                bind(child)

    for statement in node.body:
        bind(statement)
    return names


@cache
def _gather(home: str) -> dict[Key, _Piece]:
    """Every definition that the lab's run needs."""
    pieces: dict[Key, _Piece] = {}
    open_: list[Key] = [(home, name) for name in ROOTS]
    while open_:
        key = open_.pop()
        module, name = _module(key[0]), key[1]
        if name not in module.definitions and name in module.ours:
            raise ValueError(
                f"{key[0]} passes on {name}, which it does not define: import it from where it is defined."
            )
        node = module.definitions[name]
        first = (key[0], _defined(node)[0])
        if first in pieces:
            continue
        piece = _Piece(first, module.tree.body.index(node), node)
        _Reader(module, piece).visit(node)
        pieces[first] = piece
        open_ += piece.uses
    pieces[(home, "run")].imports.add("import json")
    return pieces


def _ordered(pieces: dict[Key, _Piece]) -> dict[str, list[_Piece]]:
    """The definitions by module: each module after those that it uses, each definition in its old place there."""
    graph: dict[str, set[str]] = {}
    for piece in pieces.values():
        graph.setdefault(piece.key[0], set()).update(key[0] for key in piece.uses if key[0] != piece.key[0])
    order = TopologicalSorter({module: sorted(graph[module]) for module in sorted(graph)}).static_order()
    by_line = sorted(pieces.values(), key=lambda piece: piece.order)
    return {module: [piece for piece in by_line if piece.key[0] == module] for module in order}


# --- writing ---------------------------------------------------------------------------------------------------------


def _names(pieces: dict[Key, _Piece], home: str) -> dict[Key, str]:
    """What each definition is called in the script: its own name, unless another module or a variable has it."""
    hidden = {key for piece in pieces.values() for key in piece.hidden}
    every = [(key[0], name) for key in pieces for name in _defined(_module(key[0]).definitions[key[1]])]
    every.sort(key=lambda key: (key[0] != home, key))
    taken: set[str] = set()
    names: dict[Key, str] = {}
    for module, name in every:
        short = module.rpartition(".")[2]
        free = name not in taken and (module, name) not in hidden
        called = name if free else f"{'_' if name.startswith('_') else ''}{short}_{name.lstrip('_')}"
        taken.add(called)
        names[(module, name)] = called
    return names


def _text(piece: _Piece, names: dict[Key, str]) -> str:
    """The definition's source with our imports dropped and what it names as the script calls it."""
    if piece.key in INSTEAD:
        return INSTEAD[piece.key]
    module = _module(piece.key[0])
    lines = [line.encode() for line in module.text.splitlines()]
    edits: list[tuple[int, int, int, bytes]] = []
    strings = [node for node in ast.walk(piece.node) if isinstance(node, ast.JoinedStr)]
    within = {id(part): string for string in strings for part in ast.walk(string)}
    swaps: dict[int, list[tuple[str, str]]] = {}
    for node, key in piece.named:
        old = ast.unparse(node)
        if old == names[key]:
            continue
        if id(node) in within:  # Before Python 3.12, places within an f-string are not known.
            swaps.setdefault(id(within[id(node)]), []).append((old, names[key]))
        else:
            _edit(edits, node, names[key])
    for node in strings:
        if id(node) in swaps:
            text = ast.get_source_segment(module.text, node) or ""
            for old, new in swaps[id(node)]:
                text = re.sub(rf"(?<![\w.]){re.escape(old)}(?!\w)", new, text)
            _edit(edits, node, text)
    own = piece.key[1]
    begin = piece.node.lineno
    if isinstance(piece.node, ast.FunctionDef | ast.ClassDef):
        begin = min([begin, *(decorator.lineno for decorator in piece.node.decorator_list)])
        if names[piece.key] != own:
            at = lines[piece.node.lineno - 1].index(f" {own}".encode()) + 1
            edits.append((piece.node.lineno - 1, at, at + len(own), names[piece.key].encode()))
    for row, start, end, written in sorted(edits, reverse=True):
        lines[row] = lines[row][:start] + written + lines[row][end:]
    dropped = {row for node in piece.dropped for row in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    kept = [lines[row - 1].decode() for row in range(begin, _end(module, piece) + 1) if row not in dropped]
    return re.sub(r'("""\n)\n+', r"\1", "\n".join(kept)) if dropped else "\n".join(kept)


def _end(module: _Module, piece: _Piece) -> int:
    """The last line of a definition, with the text below a constant that explains it."""
    following = module.tree.body[piece.order + 1 : piece.order + 2]
    node = piece.node
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) and following and isinstance(following[0], ast.Expr):
        return following[0].end_lineno or following[0].lineno
    return node.end_lineno or node.lineno


def _edit(edits: list[tuple[int, int, int, bytes]], node: Any, new: str) -> None:
    if node.lineno != node.end_lineno:
        raise ValueError(f"A name that is to be changed stands on several lines (line {node.lineno}).")
    edits.append((node.lineno - 1, node.col_offset, node.end_col_offset, new.encode()))


def _imports(lines: set[str]) -> str:
    """Import statements, those from one module in one line, the standard library's first."""
    whole = sorted(line for line in lines if line.startswith("import"))
    parts: dict[str, list[str]] = {}
    for line in sorted(lines - set(whole)):
        _, module, _, name = line.split(" ", 3)
        parts.setdefault(module, []).append(name)
    merged = whole + [f"from {module} import {', '.join(names)}" for module, names in parts.items()]
    standard = [line for line in merged if line.split()[1].partition(".")[0] in _standard()]
    return "\n".join([*standard, "", *(line for line in merged if line not in standard)])


def _standard() -> frozenset[str]:
    return sys.stdlib_module_names


def _packages(piece: _Piece) -> set[str]:
    """The packages outside the standard library that a definition imports."""
    inner = [node for node in ast.walk(piece.node) if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {line.split()[1].partition(".")[0] for line in piece.imports}
    for node in inner:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        found |= {name.partition(".")[0] for name in names}
    return {REQUIRES.get(name, name) for name in found - _standard() - {PACKAGE}}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(any version)"
