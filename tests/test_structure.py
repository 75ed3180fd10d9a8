"""Imports run one way: rooms in order, no cycle between modules, and leaves that load only what they use."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import lut2hw

ROOT = Path(lut2hw.__path__[0]).parent

ROOMS = (
    "",
    "kernels studies.metrics cluster",
    "model frontends",
    "logic",
    "passes",
    "targets flow.boards",
    "compile",
    "fold",
    "data",
    "learn",
    "training",
    "sklearn",
    "artefact hdl exchange",
    "verify flow host",
    "studies report",
    "cli __main__",
)
"""Rooms from the ground up: one imports only those below it, those of its own line, and itself.

A file named here is on another floor than its room: `flow.boards` is a catalogue, as `targets` are, and
`studies.metrics` are functions of arrays, which trainings call, too; `cluster` is beside the kernels whose threads it
sets. Files beside the rooms that are not named are the ground.
"""


@cache
def modules() -> dict[str, Path]:
    """Files by the name of their module; packages' `__init__`s are named after the package."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / "lut2hw").rglob("*.py"))
    }


@cache
def imports(module: str) -> frozenset[str]:
    """Modules of the package that the text of a module imports, at the top, inside functions or for types."""
    out = set()
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.Import):
            out |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports by a relative name"
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                out.add(inside if inside in modules() else str(node.module))
    return frozenset(out & modules().keys() - {module})


def package(module: str) -> bool:
    return modules()[module].name == "__init__.py"


def room(module: str) -> str:
    return module.split(".")[1]


def floor_of(module: str) -> int:
    name = module.removeprefix("lut2hw.")
    floors = {name: number for number, line in enumerate(ROOMS) for name in line.split()}
    return floors.get(name, floors.get(room(module), 0))


def test_every_import_points_down():
    inside = [module for module in modules() if "." in module]
    rooms = {room(module) for module in inside if package(f"lut2hw.{room(module)}")}
    assert rooms <= {name for line in ROOMS for name in line.split()}
    up = [
        f"{module} -> {other}"
        for module in inside
        for other in sorted(imports(module))
        if "." in other and floor_of(module) < floor_of(other)
    ]
    assert not up, up


def test_no_cycle_between_modules():
    """Nor through a function's import, or one for types alone. A package's face names its modules: it is no part."""
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for other in sorted(imports(module)):
                if not package(other):
                    walk(other, (*path, module))
            done.add(module)

    for module in modules():
        if not package(module):
            walk(module, ())


def test_a_package_is_a_face():
    """No code in an `__init__`: a docstring, names, and what loads them when they are asked for."""
    allowed = (ast.Expr, ast.ImportFrom, ast.Import, ast.Assign, ast.AnnAssign, ast.If)
    for module in filter(package, modules()):
        for node in ast.parse(modules()[module].read_text()).body:
            assert isinstance(node, allowed), f"{module}, line {node.lineno}"
            if isinstance(node, ast.If):
                assert ast.unparse(node.test) == "TYPE_CHECKING", f"{module}, line {node.lineno}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert getattr(node, "module", "") in ("typing", "lut2hw.lazy", "__future__"), (
                    f"{module} loads {ast.unparse(node)}"
                )


HEAVY = "numba llvmlite scipy sklearn pandas amaranth matplotlib cocotb PIL typer jinja2 lut2hw.compile.compiler"
LIGHT = [
    "lut2hw.logic",
    "lut2hw.model",
    "lut2hw.errors",
    "lut2hw.files",
    "lut2hw.tools",
    "lut2hw.bits",
    "lut2hw.passes.base",
]


def loaded(*names: str) -> set[str]:
    """What a new interpreter has loaded of `HEAVY` after importing the modules."""
    code = f"import sys, {', '.join(names)}\nprint(*[name for name in '{HEAVY}'.split() if name in sys.modules])"
    return set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )


def test_leaves_load_only_what_they_use():
    """Each module of logic and of the model, beside what an `__init__` may load: no kernel, no compiler, no HDL."""
    names = [module for module in modules() if any(f"{module}.".startswith(f"{light}.") for light in LIGHT)]
    assert len(names) > 15 and "lut2hw.logic.netlist" in names and "lut2hw.model.features" in names
    assert loaded(*names) == set()
    assert loaded("lut2hw.compile.options", "lut2hw.artefact.folder", "lut2hw.targets.registry") == set()


@pytest.mark.parametrize("wrong", ["lut2hw.kernels.evaluate"])
def test_a_heavy_import_is_noticed(wrong):
    assert "numba" in loaded(wrong)


OUTSIDE = ("benchmarks", "examples", "sim", "scripts")
"""Folders that use the package as anybody does."""
PUBLIC = {"_replace", "_asdict", "_fields", "_make"}
"""Names of named tuples, which have no others to give."""


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def private_uses(text: str, of_package: frozenset[str]) -> list[str]:
    """Private names that a text takes from elsewhere: reads, imports, or overrides of a class that is not its own."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    out = [node.attr for node in nodes if isinstance(node, ast.Attribute) and private(node.attr)]
    out = [name for name in out if name not in own or name in of_package]
    for node in nodes:
        if isinstance(node, ast.ImportFrom | ast.Import):
            parts = [part for alias in node.names for part in alias.name.split(".")]
            out += filter(private, parts + (getattr(node, "module", None) or "").split("."))
        if isinstance(node, ast.ClassDef) and node.bases:
            methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
            out += [name for name in methods if private(name) and name in of_package]
    return out


@cache
def private_names() -> frozenset[str]:
    """Of methods and module functions of the package."""
    trees = [ast.parse(path.read_text()) for path in modules().values()]
    return frozenset(
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and private(node.name)
    )


def python_text(path: Path) -> str | None:
    """The Python in a file, if it is a script or a notebook."""
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text())["cells"]
        lines = [line for cell in cells if cell["cell_type"] == "code" for line in (*cell["source"], "\n")]
        return "".join(line for line in lines if line[:1] not in "%!")
    if path.suffix == ".py" or (
        path.is_file() and not path.suffix and "python" in path.read_text().partition("\n")[0]
    ):
        return path.read_text()
    return None


@pytest.mark.parametrize("folder", OUTSIDE)
def test_what_lives_outside_uses_public_names(folder: str):
    if not (ROOT / folder).is_dir():
        pytest.skip("not run from the sources")
    texts = {
        path: python_text(path) for path in sorted((ROOT / folder).rglob("*")) if "__pycache__" not in path.parts
    }
    found = {
        path.name: names for path, text in texts.items() if text and (names := private_uses(text, private_names()))
    }
    assert any(texts.values()) and not found, found


@pytest.mark.parametrize(
    "text",
    [
        "from lut2hw.learn.descent import _update",
        "import lut2hw._secret",
        "from lut2hw.learn._secret import x",
        "trainer._update(3)",
        "class Mine(Trainer):\n    def _update(self, lut): ...",
        "class Mine(Trainer):\n    def f(self): self._update(3)",
        "class Mine(Trainer):\n    def f(self): self._secret = 1; self._update = 2",
    ],
)
def test_a_private_use_is_noticed(text: str):
    assert private_uses(text, frozenset({"_update"}))


def test_own_private_names_are_free():
    text = (
        "class Mine:\n    def _mine(self): self._state = 1\n    def f(self, bench): return self._mine(), self._state"
    )
    assert not private_uses(f"{text}, bench._replace(x=1)", frozenset({"_update"}))


def test_the_wheel_has_every_package():
    import tomllib

    project = ROOT / "pyproject.toml"
    if not project.exists():
        pytest.skip("not run from the sources")
    listed = tomllib.loads(project.read_text())["tool"]["setuptools"]["packages"]
    outside = {"lut2hw.hdl_templates", "lut2hw.sim"}
    assert set(listed) - outside == set(filter(package, modules()))


def test_no_group_is_possessive():
    """Python 3.11.2, which Debian 12 has, finds no match where a possessive group has one (CPython issue 106052)."""
    found = [path.name for path in (ROOT / "lut2hw").rglob("*.py") if re.search(r"\)[*+?]\+", path.read_text())]
    assert found == []
