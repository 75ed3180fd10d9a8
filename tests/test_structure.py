"""Imports run one way: rooms in order, no cycle between modules, and leaves that load only what they use."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import lut2hw

ROOT = Path(lut2hw.__path__[0]).parent

ROOMS = (
    "",
    "kernels studies.metrics",
    "model",
    "logic",
    "passes",
    "targets flow.boards",
    "compile",
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
`studies.metrics` are functions of arrays, which trainings call, too. Files beside the
rooms that are not named are the ground.
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


@pytest.mark.parametrize("wrong", ["lut2hw.sklearn.base", "lut2hw.kernels.evaluate"])
def test_a_heavy_import_is_noticed(wrong):
    assert "numba" in loaded(wrong)


def test_the_wheel_has_every_package():
    import tomllib

    project = ROOT / "pyproject.toml"
    if not project.exists():
        pytest.skip("not run from the sources")
    listed = tomllib.loads(project.read_text())["tool"]["setuptools"]["packages"]
    outside = {"lut2hw.hdl_templates", "lut2hw.sim"}
    assert set(listed) - outside == set(filter(package, modules()))
