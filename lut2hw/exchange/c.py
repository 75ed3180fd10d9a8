"""A C99 header that evaluates 64 examples a word: the golden model for programs and microcontrollers.

Example i is bit i of each word. The core (tables, popcount, argmax) is straight-line logic on words; the encoder
compares raw integers and packs the bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from lut2hw.exchange.circuit import Circuit
from lut2hw.exchange.registry import WriteOptions
from lut2hw.logic import truth
from lut2hw.logic.netlist import CONST0, CONST1
from lut2hw.logic.port import InputPort, OutputPort
from lut2hw.model.network import LutNetwork
from lut2hw.quote import identifier

_CHUNK = 400  # statements of one function: compilers are quadratic in its length


def expression(names: Sequence[str], table: int) -> str:
    """C expression on words for a truth table, input 0 the least significant bit of its index."""
    k = len(names)
    if table in (0, truth.full(k)):
        return "~UINT64_C(0)" if table else "UINT64_C(0)"
    half = 1 << (k - 1)
    ones = (1 << half) - 1
    low, high, rest, s = table & ones, table >> half, names[:-1], names[-1]
    if low == high:
        return expression(rest, low)
    if low ^ high == ones:
        return s if low == 0 else f"~{s}" if high == 0 else f"({expression(rest, low)} ^ {s})"
    if low == 0:
        return f"({s} & {expression(rest, high)})"
    if high == 0:
        return f"(~{s} & {expression(rest, low)})"
    if high == ones:
        return f"({s} | {expression(rest, low)})"
    if low == ones:
        return f"(~{s} | {expression(rest, high)})"
    return f"(({s} & {expression(rest, high)}) | (~{s} & {expression(rest, low)}))"


def write(network: LutNetwork, options: WriteOptions) -> bytes:
    """The bytes of a C header; everything in it begins with the name of the file."""
    return to_c(network, identifier(options.path.stem)).encode()


def to_c(network: LutNetwork, prefix: str = "lut2hw") -> str:
    """The text of the header. Everything in it begins with `prefix`, an identifier."""
    circuit = Circuit.of(network, encoded=True)
    encoder, features, head = network.encoder, network.features, network.head
    assert circuit.port is not None
    read = [field.index for field in circuit.port.fields]
    upper, width = prefix.upper(), len(circuit.outputs)
    port = InputPort.of(network, read, encoded=False)
    wide = features.high.max(initial=0) >= 1 << 31 or features.low.min(initial=0) < -(1 << 31)
    ctype = "int64_t" if wide else "int32_t"
    what = "class" if head.classifies else "label" if head.kind == "labels" else "target"
    names = network.answer_names or network.target_names
    said = {
        "class": [f"{prefix}_classify: 64 raw examples to 64 class numbers. {prefix}_core: the same on packed bits."],
        "label": [f"{prefix}_labels: 64 raw examples to their labels. {prefix}_core: the same on packed bits."],
        "target": [f"{prefix}_values: 64 raw examples to their numbers. {prefix}_scores: the same in fixed point."],
    }[what]
    if head.kind not in ("bit", "number"):
        said.append(
            f"{prefix}_scores: 64 raw examples to their scores, if {upper}_WITH_SCORES is defined before this."
        )
    lines = [
        "/* Written by lut2hw. C99, no library but <stdint.h>.",
        *(f" * {line}" for line in said),
        " */",
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "#include <stdint.h>",
        f"#define {upper}_FEATURES {len(features)}",
        f"#define {upper}_CODE_BITS {len(circuit.inputs)}",
        f"#define {upper}_{ {'class': 'CLASSES', 'label': 'LABELS', 'target': 'TARGETS'}[what] } {len(names)}",
        *([f"#define {upper}_CLASS_BITS {width}"] if what == "class" else []),
        *([f"#define {upper}_NONE {network.n_classes}"] if head.reject else []),
        f"typedef {ctype} {prefix}_feature;",
        "",
        f"static const char *const {prefix}_{what}_names[{len(names)}] = {{",
    ]
    lines += [f"    {_string(name)}," for name in names] + ["};", ""]
    if what != "target":
        lines += _core(circuit, prefix, "y[b]: bit b of the class number" if what == "class" else "y[b]: label b")
    lines += [
        "/* Bits of the code: feature, threshold; a bit is one where feature >= threshold. */",
        f"static const uint32_t {prefix}_code_feature[] = {{",
    ]
    lines += [*_wrapped([str(int(encoder.feature[bit])) for bit in read] or ["0"]), "};"]
    lines += [f"static const {prefix}_feature {prefix}_code_threshold[] = {{"]
    lines += [*_wrapped([_constant(int(encoder.threshold[bit]), ctype) for bit in read] or ["0"]), "};", ""]
    lines += [
        f"/* raw: {upper}_FEATURES integers for each of `count` examples (at most 64), one after the other; "
        "only these are read:",
        *(
            f" *   raw[{field.index}] {identifier(field.name)}"
            + f", {features.low[field.index]} where it is missing" * bool(features.missing[field.index])
            for field in port.fields
        ),
        " */",
    ]
    if what == "class":
        lines += [
            f"static void {prefix}_classify(const {prefix}_feature *raw, unsigned count, uint16_t *class_number)",
            "{",
            f"    uint64_t x[{max(len(read), 1)}], y[{width}];",
            "    unsigned i, b;",
            *_encode(prefix),
            f"    {prefix}_core(x, y);",
            "    for (i = 0; i < count; i++) {",
            "        unsigned number = 0;",
            f"        for (b = 0; b < {upper}_CLASS_BITS; b++)",
            "            number |= (unsigned)(y[b] >> i & 1) << b;",
            "        class_number[i] = (uint16_t)number;",
            "    }",
            "}",
        ]
    elif what == "label":
        lines += [
            f"static void {prefix}_labels(const {prefix}_feature *raw, unsigned count, uint8_t *labels)",
            "{",
            f"    uint64_t x[{max(len(read), 1)}], y[{width}];",
            "    unsigned i, b;",
            *_encode(prefix),
            f"    {prefix}_core(x, y);",
            "    for (i = 0; i < count; i++)",
            f"        for (b = 0; b < {upper}_LABELS; b++)",
            f"            labels[i * {upper}_LABELS + b] = (uint8_t)(y[b] >> i & 1);",
            "}",
        ]
    if what == "target":
        lines += [*_scores(network, prefix, len(read)), *_values(network, prefix)]
    elif head.kind != "bit":
        lines += [f"#ifdef {upper}_WITH_SCORES", *_scores(network, prefix, len(read)), "#endif"]
    return "\n".join([*lines, "#endif", ""])


def _core(circuit: Circuit, prefix: str, said: str) -> list[str]:
    """The function that evaluates a circuit on packed bits."""
    place, statements = _statements(circuit)
    chunks = [statements[at : at + _CHUNK] for at in range(0, len(statements), _CHUNK)]
    names = circuit.input_names
    lines = []
    for number, chunk in enumerate(chunks):
        lines += [
            f"static void {prefix}_part{number}(const uint64_t *x, uint64_t *n)",
            "{",
            "    (void)x;",
            *chunk,
            "}",
            "",
        ]
    lines += [
        f"/* x[i]: bit i of the code, {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}; {said}. */",
        f"static void {prefix}_core(const uint64_t *x, uint64_t *y)",
        "{",
        f"    uint64_t n[{max(len(statements), 1)}];",
        "    (void)x;",
        "    (void)n;",
    ]
    lines += [f"    {prefix}_part{number}(x, n);" for number in range(len(chunks))]
    return lines + [f"    y[{bit}] = {place[net]};" for bit, net in enumerate(circuit.outputs)] + ["}", ""]


def _statements(circuit: Circuit) -> tuple[dict[int, str], list[str]]:
    """What each net is called, and the statements that make the words `n`."""
    place = {
        CONST0: "UINT64_C(0)",
        CONST1: "~UINT64_C(0)",
        **{net: f"x[{i}]" for i, net in enumerate(circuit.inputs)},
    }
    statements = []
    for slot, (net, inputs, table) in enumerate(circuit.luts()):
        place[net] = f"n[{slot}]"
        statements.append(f"    n[{slot}] = {expression([place[each] for each in inputs], table)};")
    return place, statements


def _values(network: LutNetwork, prefix: str) -> list[str]:
    """The function that gives numbers: scores times powers of two, which are exact."""
    upper = prefix.upper()
    assert network.head.fraction is not None
    scales = [float(2.0**-fraction).hex() for fraction in network.head.fraction.tolist()]
    return [
        f"static const double {prefix}_scale[{len(scales)}] = {{",
        *_wrapped(scales),
        "};",
        f"/* values: {upper}_TARGETS for each of `count` examples (at most 64), one after the other. */",
        f"static void {prefix}_values(const {prefix}_feature *raw, unsigned count, double *values)",
        "{",
        f"    int64_t scores[64 * {upper}_TARGETS];",
        "    unsigned i;",
        f"    {prefix}_scores(raw, count, scores);",
        f"    for (i = 0; i < count * {upper}_TARGETS; i++)",
        f"        values[i] = (double)scores[i] * {prefix}_scale[i % {upper}_TARGETS];",
        "}",
    ]


def _encode(prefix: str) -> list[str]:
    """Statements that make packed bits `x` of the code of `count` examples at `raw`."""
    upper = prefix.upper()
    return [
        f"    for (b = 0; b < {upper}_CODE_BITS; b++) {{",
        "        uint64_t word = 0;",
        "        for (i = 0; i < count; i++)",
        f"            word |= (uint64_t)(raw[(uint64_t)i * {upper}_FEATURES + {prefix}_code_feature[b]] >= "
        f"{prefix}_code_threshold[b]) << i;",
        "        x[b] = word;",
        "    }",
    ]


def _scores(network: LutNetwork, prefix: str, n_read: int) -> list[str]:
    """The function that gives scores, with the logic for it, which is as large again as that of the answer."""
    circuit = Circuit.of(network, encoded=True, outputs="scores")
    port, upper = OutputPort.of(network, ("scores",)), prefix.upper()
    place, statements = _statements(circuit)
    out = [f"#define {upper}_SCORES {len(port.fields)}", f"#define {upper}_SCORE_BITS {port.fields[0].width}"]
    chunks = [statements[at : at + _CHUNK] for at in range(0, len(statements), _CHUNK)]
    for number, chunk in enumerate(chunks):
        head = f"static void {prefix}_score_part{number}(const uint64_t *x, uint64_t *n)"
        out += [head, "{", "    (void)x;", *chunk, "}", ""]
    out += [
        f"/* scores: {upper}_SCORES for each of `count` examples (at most 64), one after the other. */",
        f"static void {prefix}_scores(const {prefix}_feature *raw, unsigned count, int64_t *scores)",
        "{",
        f"    uint64_t x[{max(n_read, 1)}], n[{max(len(statements), 1)}], y[{len(circuit.outputs)}];",
        "    unsigned i, b, c;",
        "    (void)n;",
        *_encode(prefix),
        *(f"    {prefix}_score_part{number}(x, n);" for number in range(len(chunks))),
        *(f"    y[{bit}] = {place[net]};" for bit, net in enumerate(circuit.outputs)),
        "    for (i = 0; i < count; i++)",
        f"        for (c = 0; c < {upper}_SCORES; c++) {{",
        "            int64_t score = 0;",
        f"            for (b = 0; b < {upper}_SCORE_BITS; b++)",
        f"                score += (int64_t)(y[c * {upper}_SCORE_BITS + b] >> i & 1) << b;",
    ]
    if port.fields[0].signed:
        out.append(
            f"            score -= (int64_t)(y[(c + 1) * {upper}_SCORE_BITS - 1] >> i & 1) << {upper}_SCORE_BITS;"
        )
    return [*out, f"            scores[i * {upper}_SCORES + c] = score;", "        }", "}"]


def _wrapped(items: list[str]) -> list[str]:
    return ["    " + ", ".join(items[at : at + 12]) + "," for at in range(0, len(items), 12)]


def _constant(value: int, ctype: str) -> str:
    return f"INT64_C({value})" if ctype == "int64_t" else str(value) if value > -(1 << 31) else "INT32_MIN"


def _string(text: str) -> str:
    # Octal escapes have three digits at most, so what follows cannot join them; `?` would make trigraphs.
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{plain}"'
