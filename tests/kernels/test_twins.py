"""Every kernel has a twin, and a test that holds one against the other."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLAIN = {"compiled", "memory", "threads", "watch"}
"""Modules that hold no kernel, but what kernels need."""
NO_KERNEL = {("simd", "fast_popcount")}
ROOM = Path(str(import_module("lut2hw.kernels").__file__)).parent
MODULES = sorted({path.stem for path in ROOM.glob("*.py")} - PLAIN - {"__init__"})


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]


def test_the_rest_holds_no_kernel():
    for module in PLAIN:
        for f in functions(ROOM / f"{module}.py"):
            compiled = [ast.unparse(each) for each in f.decorator_list if "njit" in ast.unparse(each)]
            compiled += [each.id for each in f.decorator_list if isinstance(each, ast.Name) and each.id == "parallel"]
            assert not compiled, f.name


@pytest.mark.parametrize("module", MODULES)
def test_every_kernel_has_a_twin_and_a_test(module: str):
    kernels = {f.name for f in functions(ROOM / f"{module}.py") if not f.name.startswith("_")}
    kernels -= {name for room, name in NO_KERNEL if room == module}
    twins = {f.name for f in functions(HERE.parent / "helpers" / "twins" / f"{module}.py")}
    text = (HERE / f"test_{module}_twins.py").read_text()
    used = {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "twins"
    }
    assert kernels and kernels <= twins, f"no twin of {kernels - twins}"
    assert kernels <= used, f"no test of {kernels - used}"


def test_kernels_are_nowhere_else():
    """What is compiled lives in one room."""
    for path in ROOM.parent.rglob("*.py"):
        if path.parent != ROOM:
            names = {
                name
                for f in ast.walk(ast.parse(path.read_text()))
                if isinstance(f, ast.FunctionDef)
                for decorator in f.decorator_list
                for name in [ast.unparse(decorator).partition("(")[0].rpartition(".")[2]]
            }
            assert not names & {"njit", "jit", "parallel", "vectorize", "guvectorize", "intrinsic"}, path
