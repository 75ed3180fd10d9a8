"""Parameters of the estimators: the options of `lut2hw train`, by the same names, and a few of their own."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from lut2hw.flags import Flag, flags
from lut2hw.learn.registry import learner
from lut2hw.training.options import TrainOptions

C = TypeVar("C", bound=type)

CALIBRATION: dict[str, tuple[str, Any, str]] = {
    "calibration": (
        "float",
        0.2,
        "Share of the examples that the temperature of predict_proba is fitted on: a second network is trained "
        "without them and asked. None saves its time; probabilities are then as sure as the training examples are.",
    )
}
WARM_START: dict[str, tuple[str, Any, str]] = {
    "warm_start": (
        "bool",
        False,
        "Whether fit goes on with the network of the last one, whose size, classes and features are kept: further "
        "sweeps over all LUTs.",
    )
}
OWN: dict[str, tuple[str, Any, str]] = {
    "max_categories": (
        "int",
        None,
        "Values of a frame's column of text that become bits; the rarer ones share one. By default 20.",
    ),
    "image_shape": (
        "tuple of int",
        None,
        "Shape of each example if it is an image: rows and columns, or with channels.",
    ),
    "random_state": (
        "int, RandomState instance",
        None,
        "Seed (--seed of the command); an int gives the same network every time.",
    ),
    "n_jobs": (
        "int",
        None,
        "Threads; None and -1 mean all that numba is set to use. The network does not depend on it.",
    ),
}
"""Parameters of every estimator that are no options of `lut2hw train`, with types, defaults and texts."""


def options_of(name: str) -> dict[str, Flag]:
    """Options of `lut2hw train` with this learner, those of the learner first."""
    every = {name: each for name, each in flags(TrainOptions).items() if name != "seed"}
    own = dict(flags(learner(name).Options))
    first = next(iter(own))
    return {first: own.pop(first), "k": every.pop("k"), **own, **every}


def with_options(
    name: str, own: Mapping[str, tuple[str, Any, str]] | None = None, without: Collection[str] = (), **defaults: Any
) -> Callable[[C], C]:
    """Give an estimator the options of `lut2hw train` with a learner as parameters; the first two by position.

    Parameters
    ----------
    name : str
        The learner's.
    own : mapping, optional
        Further parameters, as `OWN`.
    without : collection of str, optional
        Options that have no effect on such answers.
    **defaults
        Of options whose default is another one here.
    """

    def decorate(estimator: C) -> C:
        options = {field: each for field, each in options_of(name).items() if field not in without}
        place = inspect.Parameter
        parameters = [place("self", place.POSITIONAL_OR_KEYWORD)]
        text = []
        for number, (field, each) in enumerate(options.items()):
            kind = place.POSITIONAL_OR_KEYWORD if number < 2 else place.KEYWORD_ONLY
            default = defaults.get(field, each.default)
            parameters.append(place(field, kind, default=default))
            words = each.help.removeprefix(f"{name}: ").replace(f"{name}, images: ", "for images: ")
            shown = "" if each.default is not None or each.shown is None else f" By default {each.shown}."
            text.append(_entry(field, _type(each), default, words[0].upper() + words[1:] + shown))
        for field, (type_, default, words) in {**(own or {}), **OWN}.items():
            parameters.append(place(field, place.KEYWORD_ONLY, default=default))
            text.append(_entry(field, type_, default, words))
        signature = inspect.Signature(parameters)

        def __init__(self: Any, *arguments: Any, **named: Any) -> None:
            bound = signature.bind(self, *arguments, **named)
            bound.apply_defaults()
            for field in signature.parameters:
                if field != "self":
                    setattr(self, field, bound.arguments[field])

        __init__.__signature__ = signature  # type: ignore[attr-defined]
        estimator.__init__ = __init__  # type: ignore[misc]
        if estimator.__doc__:
            estimator.__doc__ = estimator.__doc__.replace(
                "    (Parameters: the options of `lut2hw train`.)",
                "\n".join(["    Parameters", "    ----------", *text]),
            )
        return estimator

    return decorate


def _type(each: Flag) -> str:
    word = "sequence of int" if each.kind is tuple else each.kind.__name__
    return word + ' or "auto"' * each.auto


def _entry(field: str, type_: str, default: Any, words: str) -> str:
    body = textwrap.fill(words, 112, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return f"    {field} : {type_}{' or None' if default is None else ''}, default={default!r}\n{body}"
