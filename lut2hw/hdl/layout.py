"""The ports of a core as Amaranth's types: features and answers as fields of structures, classes as an enumeration.

Bit positions and signedness come from `lut2hw.logic.port`, which also makes the names legal and distinct.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from amaranth.hdl import Module, Value, signed, unsigned
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from lut2hw.choices import Interface
from lut2hw.fold.program import RESTART
from lut2hw.logic.port import NO_CLASSES, InputPort, OutputPort, class_width, identifiers, ports_of


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


def answer_shape(port: OutputPort, class_names: Sequence[str]) -> Any:
    """Shape of an answer.

    Parameters
    ----------
    port : OutputPort
        What the core puts out.
    class_names : sequence of str
        In the order of the class numbers, "none" among them where the model rejects; none of a model whose answer is
        numbers or labels.

    Returns
    -------
    amaranth.lib.enum.EnumType or amaranth.lib.data.Layout
        The enumeration of the classes for the class alone; else a structure with a field under each of `port.keys`,
        of which ``class_`` is of that enumeration, a label one bit, and a number or score an integer.
    """
    classes = class_enum(tuple(class_names)) if class_names else None
    if port.classes_alone:
        return classes
    return data.FlexibleLayout(
        port.width,
        {
            key: data.Field(
                classes if part == "class" else (signed if field.signed else unsigned)(field.width), field.offset
            )
            for key, field, part in zip(port.keys, port.fields, port.parts, strict=True)
        },
    )


def stream_of(shape: Any, interface: str = Interface.STREAM) -> wiring.Signature:
    """Signature of one side of a core: a stream, or with a bare interface payload and valid alone."""
    if interface == Interface.BARE:
        return wiring.Signature({"payload": Out(shape), "valid": Out(1)})
    return stream.Signature(shape)


def core_members(
    port: InputPort,
    output: OutputPort,
    class_names: Sequence[str],
    *,
    fields: bool,
    interface: str = Interface.STREAM,
) -> dict[str, wiring.Member]:
    """Members `i` and `o` of a core.

    Parameters
    ----------
    port : InputPort
        What the core reads.
    output : OutputPort
        What it puts out.
    class_names : sequence of str
        In the order of the class numbers.
    fields : bool
        Payloads are as `features_layout` and `answer_shape` say; else plain vectors of the same bits.
    interface : str
        Of `lut2hw.choices.Interface`.
    """
    if fields:
        return {
            "i": In(stream_of(features_layout(port), interface)),
            "o": Out(stream_of(answer_shape(output, class_names), interface)),
        }
    return vector_members(port.width, output.width, interface)


def beats_signature(lanes: int) -> stream.Signature:
    """What a folded core takes: bit 0 restarts, the others are the next bits of the example, in order.

    Parameters
    ----------
    lanes : int
        Bits of the example in a beat.
    """
    return stream.Signature(RESTART + lanes)


LOAD_BITS = 10
"""Of a byte of a program: bit 0 restarts, bit 1 commits, then the byte, which means nothing with either of them."""


def load_members() -> dict[str, wiring.Member]:
    """Members of a core that takes another program: `load`, and `load_good`, whether what came may take effect."""
    return {"load": In(stream.Signature(LOAD_BITS)), "load_good": Out(1)}


def connect_load(m: Module, link: wiring.Component, core: wiring.Component) -> None:
    """Hand on another program from one side with `load` and `load_good` to the next one towards the core.

    Parameters
    ----------
    m : Module
        Where.
    link, core : wiring.Component
        The sides.
    """
    m.d.comb += [
        core.load.payload.eq(link.load.payload),
        core.load.valid.eq(link.load.valid),
        link.load.ready.eq(core.load.ready),
        link.load_good.eq(core.load_good),
    ]


def hand_on(m: Module, source: Any, sink: Any) -> None:
    """Connect two streams whose payloads are the same bits, of whatever shapes, as a whole core passes them on.

    Parameters
    ----------
    m : Module
        Where.
    source, sink : stream.Interface
        Where transfers come from, and where they go.
    """
    m.d.comb += [
        Value.cast(sink.payload).eq(Value.cast(source.payload)),
        sink.valid.eq(source.valid),
        source.ready.eq(sink.ready),
    ]


def vector_members(input_bits: int, answer_bits: int, interface: str = Interface.STREAM) -> dict[str, wiring.Member]:
    """Members `i` and `o` of a core, both payloads plain vectors of at least one bit."""
    return {
        "i": In(stream_of(unsigned(max(1, input_bits)), interface)),
        "o": Out(stream_of(unsigned(max(1, answer_bits)), interface)),
    }


def flat_members(input_bits: int, answer_bits: int, interface: str = Interface.STREAM) -> dict[str, wiring.Member]:
    """Members of a core that is a module of its own, each under the name of its port."""
    into, out = ports_of(interface)
    shapes = {"payload": (max(1, input_bits), max(1, answer_bits)), "valid": (1, 1), "ready": (1, 1)}
    return {
        **{name: (Out if part == "ready" else In)(shapes[part][0]) for part, name in into.items()},
        **{name: (In if part == "ready" else Out)(shapes[part][1]) for part, name in out.items()},
    }


def connect_flat(m: Module, outer: Any, core: Any) -> None:
    """Connect a core with streams `i` and `o` inside of one with `flat_members`.

    Parameters
    ----------
    m : Module
        Of the outer one.
    outer, core : wiring.Component
        The two.
    """
    into, out = ports_of(Interface.STREAM)
    for ports, side, driven in ((into, core.i, ("ready",)), (out, core.o, ("payload", "valid"))):
        for part, name in ports.items():
            inner, port = Value.cast(getattr(side, part)), getattr(outer, name)
            m.d.comb += port.eq(inner) if part in driven else inner.eq(port)
