"""What the reference shows has numpydoc sections that name every parameter and field."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import itertools
import re
import textwrap
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "python.md"
ENTRY = re.compile(r"^::: (\S+)\n(?: {4}options: \{(.*)\}\n)?", re.MULTILINE)


def shown() -> list[str]:
    """Full names of the functions, classes and methods that the reference shows."""
    names = []
    for path, options in ENTRY.findall(REFERENCE.read_text()):
        members = re.search(r"members: \[([^\]]*)\]", options)
        try:
            module = importlib.import_module(path)
        except ModuleNotFoundError:
            names.append(path)
            continue
        public = (
            members[1].split(", ")
            if members
            else [
                name
                for name, value in vars(module).items()
                if not name.startswith("_") and getattr(value, "__module__", None) == path
            ]
        )
        names += [f"{path}.{name}" for name in public]
    return names


def resolve(name: str):
    module, _, leaf = name.rpartition(".")
    return getattr(importlib.import_module(module), leaf)


def documented(text: str, section: str) -> set[str]:
    """Names in a section of a numpydoc docstring."""
    found = re.search(rf"^{section}\n-+\n(.*?)(?=^\S[^\n]*\n-{{3,}}$|\Z)", text, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^(\S[^:\n]*?)(?: :.*)?$", found[1], re.MULTILINE) if found else []
    return {name.strip().lstrip("*") for line in lines for name in line.split(",")}


def described_below(thing: type) -> set[str]:
    """Fields with a text of their own below them."""
    body = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0].body
    return {
        field.target.id
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }


def lacking(thing) -> set[str]:
    """Parameters and fields that the docstring does not name."""
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return set()
    text = inspect.getdoc(thing) or ""
    if dataclasses.is_dataclass(thing):
        wanted = {each.name for each in dataclasses.fields(thing) if not each.name.startswith("_")}
        wanted -= described_below(thing)
    elif inspect.isclass(thing) and "__init__" not in vars(thing):
        return set()
    else:
        wanted = {name for name in inspect.signature(thing).parameters if name not in ("self", "cls")}
    missing = wanted - documented(text, "Parameters") - documented(text, "Attributes")
    if inspect.isclass(thing):
        for name, method in vars(thing).items():
            public = not name.startswith("_") and inspect.isfunction(
                inspect.unwrap(getattr(method, "__func__", method))
            )
            if public and name != "elaborate":
                missing |= {f"{name}({each})" for each in lacking(getattr(method, "__func__", method))}
    return missing


@pytest.mark.parametrize("name", shown())
def test_every_parameter_is_described(name):
    thing = resolve(name)
    assert not lacking(thing), f"{name} lacks {sorted(lacking(thing))}"
