"""The ports of a core as Amaranth's types: features as fields of a structure, classes as an enumeration.

Bit positions and signedness come from `lut2hw.logic.port`, which also makes the names legal and distinct.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from lut2hw.logic.port import NO_CLASSES, InputPort, class_width, identifiers


def features_layout(port: InputPort) -> data.Layout:
    """Layout of an example.

    Parameters
    ----------
    port : InputPort
        What the core reads; a port of no bits is one unused bit.

    Returns
    -------
    amaranth.lib.data.Layout
        A field for each feature, or for each bit of the code with encoded inputs, under the names `port.keys`.
    """
    return data.FlexibleLayout(
        max(1, port.width),
        {
            key: data.Field((signed if field.signed else unsigned)(field.width), field.offset)
            for key, field in zip(port.keys, port.fields, strict=True)
        },
    )


@lru_cache(maxsize=64)  # so that two cores of the same classes have one type, whose values can be compared
def class_enum(class_names: tuple[str, ...]) -> Any:
    """Enumeration of the classes.

    Parameters
    ----------
    class_names : tuple of str
        In the order of the class numbers.

    Returns
    -------
    amaranth.lib.enum.EnumType
        As wide as the class number, a member for each class. Numbers beyond the last class, which a simulator may see
        while nothing is valid, give a value that is no member.
    """
    width = class_width(len(class_names))
    beyond: dict[int, Any] = {}

    def missing(cls: Any, value: object) -> Any:
        if type(value) is not int or not len(class_names) <= value < 1 << width:
            return None
        if value not in beyond:
            beyond[value] = other = object.__new__(cls)
            other._name_, other._value_ = f"beyond_{value}", value
        return beyond[value]

    def body(namespace: dict[str, Any]) -> None:
        for number, name in enumerate(identifiers(class_names, "class", NO_CLASSES)):
            namespace[name] = number
        namespace["_missing_"] = classmethod(missing)

    return types.new_class("Class", (enum.Enum,), {"shape": unsigned(width)}, body)


def core_members(port: InputPort, class_names: Sequence[str], *, fields: bool) -> dict[str, wiring.Member]:
    """Members `i` and `o` of a core.

    Parameters
    ----------
    port : InputPort
        What the core reads.
    class_names : sequence of str
        In the order of the class numbers.
    fields : bool
        Payloads are a structure and an enumeration; else plain vectors of the same bits.
    """
    if fields:
        return {
            "i": In(stream.Signature(features_layout(port))),
            "o": Out(stream.Signature(class_enum(tuple(class_names)))),
        }
    return vector_members(port.width, class_width(len(class_names)))


def vector_members(input_bits: int, class_bits: int) -> dict[str, wiring.Member]:
    """Members `i` and `o` of a core, both payloads plain vectors of at least one bit."""
    return {
        "i": In(stream.Signature(unsigned(max(1, input_bits)))),
        "o": Out(stream.Signature(unsigned(max(1, class_bits)))),
    }
