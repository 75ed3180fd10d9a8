"""Checkers with one check removed: what a checker refuses for is found in its source, and taken out in place.

A check is a condition under which a checker refuses: an `if` that raises, notes an error or returns a verdict, a
condition in a verdict's expression, or a comparison that is returned. Its mutants behave as if it were never (or, of
a verdict, always) true. In place means that the code object of the function is exchanged, so that all who have
imported it get the mutant, and no module is loaded again.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, TypeGuard

NOTED = {"out", "said", "wrong", "errors", "left", "self"}
"""Lists in which a checker notes what is wrong, and the bench that does."""
VERDICTS = {"Outcome", "ChipProof", "Match", "replace"}


@dataclass(frozen=True)
class Mutant:
    """A function without one of its checks.

    Attributes
    ----------
    functions : tuple of FunctionType
        Whose code is exchanged: one, or all closures that were made of one.
    lines : range
        Of the check.
    name : str
        Module and function, and what the check is and becomes.
    code : CodeType
        Of the function without it.
    """

    functions: tuple[FunctionType, ...]
    lines: range
    name: str
    code: CodeType

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """While the check is removed."""
        before = self.functions[0].__code__
        for function in self.functions:
            function.__code__ = self.code
        try:
            yield
        finally:
            for function in self.functions:
                function.__code__ = before


def refuses(body: Sequence[ast.stmt]) -> bool:
    """Whether the statements under an `if` are how a checker refuses."""
    for statement in body:
        match statement:
            case ast.Raise() | ast.AugAssign(target=ast.Attribute(attr="mismatches")):
                return True
            case ast.Return(value=ast.Constant(value=False | None) | None):
                return True
            case ast.Return(value=ast.Call(func=ast.Name(id=name))) if name in VERDICTS:
                return True
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "error"))):
                if name in NOTED:
                    return True
    return False


def _removed(source: ast.Module) -> Iterator[tuple[ast.AST, str, ast.expr, ast.expr]]:
    """Checks: the node that holds one, its field, the check and what it becomes."""
    for node in ast.walk(source):
        match node:
            case ast.If(test=test, body=body) if refuses(body):
                yield node, "test", test, _always(False, test)
                if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
                    yield from _without_one(node, "test", test)
            case ast.Return(value=ast.Compare() as test):
                yield node, "value", test, _always(True, test)
            case ast.Return(value=ast.IfExp() as choice) if _verdict(choice):
                yield from (
                    (choice, "test", choice.test, _always(constant, choice.test)) for constant in (True, False)
                )
            case ast.Call(func=ast.Name(id="Outcome"), args=[_, verdict, *_]):
                if isinstance(verdict, ast.IfExp):
                    yield verdict, "test", verdict.test, _always(False, verdict.test)
                elif isinstance(verdict, ast.UnaryOp):
                    yield verdict, "operand", verdict.operand, _always(False, verdict.operand)
        value = getattr(node, "value", None)
        if isinstance(node, ast.Return | ast.Assign) and _is_and(value):
            yield from _without_one(node, "value", value)
        elif isinstance(node, ast.ListComp) and _is_and(node.elt):
            yield from _without_one(node, "elt", node.elt)


def _is_and(value: Any) -> TypeGuard[ast.BoolOp]:
    return isinstance(value, ast.BoolOp) and isinstance(value.op, ast.And)


def _always(value: bool, check: ast.expr) -> ast.expr:
    """A constant in place of a check, which still names what that does, so that a closure keeps its variables."""
    return ast.BoolOp(ast.Or() if value else ast.And(), [ast.Constant(value), check])


def _verdict(choice: ast.IfExp) -> bool:
    sides = [side.operand if isinstance(side, ast.UnaryOp) else side for side in (choice.body, choice.orelse)]
    return any(isinstance(side, ast.Constant) and side.value in (True, False, None, 1) for side in sides)


def _without_one(node: ast.AST, field: str, many: ast.BoolOp) -> Iterator[tuple[ast.AST, str, ast.expr, ast.expr]]:
    for at in range(len(many.values)):
        rest = many.values[:at] + many.values[at + 1 :]
        yield node, field, many, rest[0] if len(rest) == 1 else ast.BoolOp(many.op, rest)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _functions(module: ModuleType) -> dict[str, tuple[FunctionType, ...]]:
    """Functions of a module by qualified name, and the closures that it has made."""
    out: dict[str, list[FunctionType]] = {}
    gc.collect()  # closures of calls that are over
    for each in gc.get_objects():
        if not isinstance(each, FunctionType) or each.__code__.co_filename != module.__file__:
            continue
        if each.__qualname__ == each.__code__.co_qualname:
            out.setdefault(each.__qualname__, []).append(each)
    return {name: tuple(each) for name, each in out.items()}


def _words(new: ast.expr) -> str:
    match new:
        case ast.BoolOp(values=[ast.Constant(value=value), _]):
            return str(value)
    return ast.unparse(new)


def mutants(name: str, only: Callable[[str], bool] = lambda function: True) -> list[Mutant]:
    """The mutants of a module.

    Parameters
    ----------
    name : str
        Of the module.
    only : callable
        Which of its functions, by qualified name.
    """
    module = importlib.import_module(name)
    path = inspect.getsourcefile(module)
    assert path is not None
    tree = ast.parse(Path(path).read_text())
    functions, out = _functions(module), list[Mutant]()
    for node, field, check, new in list(_removed(tree)):
        setattr(node, field, ast.copy_location(new, check))
        code = compile(ast.fix_missing_locations(tree), path, "exec")
        setattr(node, field, check)
        span = range(check.lineno, (check.end_lineno or check.lineno) + 1)
        found = {
            each.co_qualname: each
            for each in _codes(code)
            if each.co_qualname in functions and _covers(functions[each.co_qualname][0].__code__, check.lineno)
        }
        for function, each in found.items():
            inner = any(
                other.startswith(f"{function}.<locals>.") for other in found
            )  # closures that are there already
            if not inner and only(function):
                said = f"{name.removeprefix('lut2hw.')}.{function}: {ast.unparse(check)} -> {_words(new)}"
                out.append(Mutant(functions[function], span, said, each))
    return out


def _covers(code: CodeType, line: int) -> bool:
    lines = [at for each in (code, *_codes(code)) for _, _, at in each.co_lines() if at]
    return code.co_firstlineno <= line <= max(lines)


@contextlib.contextmanager
def visited(files: set[str]) -> Iterator[set[tuple[str, int]]]:
    """Lines of the files that run meanwhile, in this thread."""
    seen: set[tuple[str, int]] = set()

    def line(frame: FrameType, event: str, arg: Any) -> Any:
        seen.add((frame.f_code.co_filename, frame.f_lineno))
        return line

    def call(frame: FrameType, event: str, arg: Any) -> Any:
        return line if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield seen
    finally:
        sys.settrace(before)
