"""What stands at the top of an emitted core: its ports bit by bit, so that the Verilog can be used on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lut2hw.choices import Language
from lut2hw.logic.port import CLOCK_PORT, INPUT_PORTS, OUTPUT_PORTS, RESET_PORT, TOP, Field, InputPort, ports_of
from lut2hw.quote import comment

if TYPE_CHECKING:
    from lut2hw.compile.compiler import Compiled
    from lut2hw.fold.compile import Folded


def header(compiled: Compiled | Folded, language: str = Language.VERILOG) -> str:
    """Line comments in ASCII; the same compilation gives the same text.

    Names of features and classes are quoted (`lut2hw.quote.comment`), and no line begins with one, so that no tool
    takes a name for a directive.
    """
    mark = "--" if language == Language.VHDL else "//"
    alone = compiled.network.front_end is None
    lines = (*_lines(compiled), *(_instance(compiled, language) if alone else ()))
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in lines)


def _lines(compiled: Compiled | Folded) -> Iterator[str]:
    if compiled.network.front_end is not None:
        yield from _of_stream(compiled)
        return
    port, latency = compiled.input_port, compiled.latency
    into, _ = ports_of(compiled.options.interface)
    bare = "ready" not in into
    output = compiled.output_port
    when = f"{latency} clock{'s' * (latency != 1)} later" if latency else "at once, there is no clock"
    what = "class" if output.classes_alone else "answer"
    yield f"{TOP} for {compiled.target.name}: one example in, its {what} out {when}."
    yield ""
    program = getattr(compiled, "program", None)
    if program is not None:
        lanes, beats = program.shape.lanes, program.shape.beats
        yield f"{CLOCK_PORT}, {RESET_PORT}: rising edge; synchronous, active high."
        yield f"An example may come every {program.clocks} clocks."
        yield (
            f"{into['payload']} {_bits(0, 1 + lanes)}: a part of an example, taken while {into['valid']} and "
            f"{into['ready']} are high. {beats} parts"
        )
        yield f"make an example: {_bits(1, lanes)} its next bit{'s' * (lanes > 1)}, from bit 0 up, while [0] is low."
        yield "A part with [0] high is none; those before it are forgotten, and the next one is the first."
        yield "An example's bits are"
    else:
        if latency:
            yield (
                f"{CLOCK_PORT}, {RESET_PORT}: rising edge; synchronous, active high. "
                "One example may enter each clock."
            )
        yield (
            f"{into['payload']} {_bits(0, max(1, port.width))}: an example, taken while {into['valid']}"
            + (" is" if bare else f" and {into['ready']} are")
            + " high. Its bits are"
        )
    for field in port.fields:
        yield f"  {_bits(field.offset, field.width)} {_field(compiled, field)}"
    if not port.fields:
        yield "  [0] nothing: the answer is always the same"
    yield from _answers(compiled)


def _of_stream(compiled: Compiled | Folded) -> Iterator[str]:
    """The ports of a core with a front end."""
    into, samples = INPUT_PORTS, compiled.network.front_end.samples
    port = InputPort.of_samples(samples)
    detector = compiled.options.detector(compiled.network)
    what = "an answer to each sequence of them" if detector is None else "events in them"
    yield f"{TOP} for {compiled.target.name}: samples in, {what} out."
    yield ""
    yield f"{CLOCK_PORT}, {RESET_PORT}: rising edge; synchronous, active high."
    yield (
        f"{into['payload']} {_bits(0, port.width)}: a sample, taken while {into['valid']} and {into['ready']} are "
        "high. Its bits are"
    )
    for field in port.fields[:-2]:
        number = comment(field.name)
        scale, zero = float(samples.scale[field.index]), float(samples.offset[field.index])
        if (scale, zero) != (1.0, 0.0):
            number = f"round(({number} - {zero!r}) * {scale!r})"
        kind = "two's complement" if field.signed else "unsigned"
        values = f"{int(samples.low[field.index])} to {int(samples.high[field.index])}"
        yield f"  {_bits(field.offset, field.width)} {number}, {kind}, {values}"
    first, last = port.fields[-2:]
    yield f"  {_bits(first.offset, 1)} first: it begins a sequence, as after reset and after a last one in any case"
    if detector is None:
        yield f"  {_bits(last.offset, 1)} last: it ends the sequence, and the answer follows"
        yield from _answers(compiled)
        return
    yield f"  {_bits(last.offset, 1)} last: it ends the recording, and the next sample begins another one"
    yield (
        f"{OUTPUT_PORTS['payload']} {_bits(0, compiled.core_output.width)}: an answer, there while "
        f"{OUTPUT_PORTS['valid']} is high, taken while {OUTPUT_PORTS['ready']} is high. The first one comes after "
        f"{detector.window} samples,"
    )
    yield f"the next ones every {detector.every}. Its bits are"
    words = {
        "on": "an event is going on",
        "begins": "it begins with this answer",
        "sum": f"what the last {detector.sum} answers say for it, {detector.onset} and more begins an event, "
        f"less than {detector.hold} ends it",
    }
    for field in compiled.core_output.fields:
        kind = "" if field.width == 1 else ", two's complement" if field.signed else ", unsigned"
        yield f"  {_bits(field.offset, field.width)} {field.name}: {words[field.name]}{kind}"
    yield ""


def _answers(compiled: Compiled | Folded) -> Iterator[str]:
    """The output port."""
    _, out = ports_of(compiled.options.interface)
    output, names = compiled.output_port, compiled.network.answer_names
    taken = f", taken while {out['ready']} is high" if "ready" in out else ""
    if output.classes_alone:
        yield (
            f"{out['payload']} {_bits(0, output.width)}: the number of the class, unsigned, there while "
            f"{out['valid']} is high{taken}. Classes are"
        )
    else:
        yield (
            f"{out['payload']} {_bits(0, output.width)}: an answer, there while {out['valid']} is high{taken}. "
            "Its bits are"
        )
        for field, part in zip(output.fields, output.parts, strict=True):
            kind = "two's complement" if field.signed else "unsigned"
            yield f"  {_bits(field.offset, field.width)} {field.name}, {kind}{_answer(compiled, field, part)}"
        if names:
            yield "Classes are"
    for number, name in enumerate(names):
        yield f"  {number} {comment(name)}"
    if compiled.network.head.reject:
        yield f"The last one is the answer where the margin is below {compiled.network.head.reject}."
    yield ""


def _instance(compiled: Compiled | Folded, language: str) -> Iterator[str]:
    """How another design instantiates the core."""
    into, out = ports_of(compiled.options.interface)
    pair = "{} => {}" if language == Language.VHDL else ".{}({})"
    yield f"classify : entity work.{TOP} port map (" if language == Language.VHDL else f"{TOP} classify ("
    if compiled.latency:
        yield "    " + ", ".join(pair.format(name, name) for name in (CLOCK_PORT, RESET_PORT)) + ","
    for ports, names_of, end in ((into, "example", ","), (out, "number", "")):
        wires = {part: names_of + ("" if part == "payload" else f"_{part}") for part in ports}
        yield "    " + ", ".join(pair.format(name, wires[part]) for part, name in ports.items()) + end
    yield ");"


def _answer(compiled: Compiled | Folded, field: Field, part: str) -> str:
    """What a label or number stands for."""
    network = compiled.network
    if not network.target_names:
        return ""
    name = comment(network.target_names[field.index])
    if part == "label":
        return f": 1 for {name}"
    if network.head.fraction is None:
        return f" of {name}"
    fraction = int(network.head.fraction[field.index])
    return f": {name}" + (f" * 2**{fraction}" if fraction > 0 else f" / 2**{-fraction}" if fraction else "")


def _bits(offset: int, width: int) -> str:
    return f"[{offset + width - 1}:{offset}]" if width > 1 else f"[{offset}]"


def _field(compiled: Compiled | Folded, field: Field) -> str:
    features, encoder = compiled.network.features, compiled.network.encoder
    encoded = compiled.input_port.encoded
    index = int(encoder.feature[field.index]) if encoded else field.index
    scale, zero = float(features.scale[index]), float(features.offset[index])
    number = comment(features.names[index])
    if zero:
        number = f"({number} - {zero!r})" if zero > 0 else f"({number} + {-zero!r})"
    if scale != 1:
        number = f"{number} * {scale!r}"
    if (zero, scale) != (0, 1):
        number = f"round({number})"
    low, missing = int(features.low[index]), bool(features.missing[index])
    if encoded:
        threshold = int(encoder.threshold[field.index])
        if missing and threshold == low + 1:
            return f"{comment(features.names[index])} is not missing"
        return f"{number} >= {threshold}" + ", 0 where it is missing" * missing
    kind = "two's complement" if field.signed else "unsigned"
    values = f"{low + missing} to {int(features.high[index])}"
    return f"{number}, {kind}, {values}" + f", or {low} where it is missing" * missing
