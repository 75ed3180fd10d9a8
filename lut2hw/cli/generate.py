"""Options of commands, made from the dataclasses that describe them."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from lut2hw.flags import Flag, flags

MOST_LISTED = 8  # names that a help text lists


def with_options(**groups: type | Mapping[str, Flag]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Expand parameters of a command into the options that dataclasses describe.

    Parameters
    ----------
    groups : type | Mapping[str, Flag]
        By the name of the parameter, a dataclass, of which the command then gets an object, or `Flag`s by name, of
        which it gets a mapping with what was given.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = typing.get_type_hints(command, include_extras=True)
        parameters: list[inspect.Parameter] = []
        for name, parameter in inspect.signature(command).parameters.items():
            if name in groups:
                parameters += [_parameter(each) for each in _flags(groups[name]).values()]
            else:
                parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

        @functools.wraps(command)
        def run(**values: Any) -> None:
            made = {}
            for name, group in groups.items():
                given = {}
                for field, each in _flags(group).items():
                    value = values.pop(field)
                    if value is not None:
                        given[field] = each.read(value) if isinstance(value, str) and not each.plain else value
                made[name] = group(**given) if isinstance(group, type) else given
            command(**values, **made)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _flags(group: type | Mapping[str, Flag]) -> Mapping[str, Flag]:
    return flags(group) if isinstance(group, type) else group


def _parameter(each: Flag) -> inspect.Parameter:
    """A typer parameter for an option; what is not given is None."""
    switch = each.kind is bool
    more: dict[str, Any] = {} if switch else {"autocompletion": complete(each)}
    option = typer.Option(
        *each.names,
        help=each.help,
        rich_help_panel=each.panel,
        metavar=None if switch else each.metavar or "|".join(each.known()) or None,
        show_default=_shown(each),
        **more,
    )
    return inspect.Parameter(
        each.field,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[bool | None if switch else str | None, option],
    )


def _shown(each: Flag) -> str | bool:
    if each.shown is not None:
        return each.shown
    if each.kind is bool or each.default is None:
        return False
    return each.typed(each.default)[-1]


def complete(each: Flag) -> Callable[[str], list[str]]:
    """Values of a closed choice that begin so, for the shell."""

    def complete_choice(incomplete: str) -> list[str]:
        words = [*each.known(), *each.words, *(["auto"] if each.auto else [])]
        return [word for word in words if word.startswith(incomplete)]

    return complete_choice


def several(axes: Mapping[str, Flag], defaults: Mapping[str, Sequence[Any]]) -> dict[str, Flag]:
    """The same options, each as a text with several values."""
    out = {}
    for name, each in axes.items():
        metavar = "yes|no,..." if each.kind is bool else f"{each.metavar or 'VALUE'},..."
        shown = ",".join(map(str, defaults[name])) if name in defaults else each.shown
        out[name] = replace(
            each, names=(each.name,), kind=str, plain=True, metavar=metavar, shown=shown, checked=None
        )
    return out
