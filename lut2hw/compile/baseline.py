"""The baseline: behavioural Verilog of the same network through the family's own synthesis, read back as a netlist.

`behavioural` is what one would write by hand: constant shifts for tables, `+` for sums, `>` for argmax. What yosys
makes of it (`synth_FAMILY -abc9`) is what compiled netlists are measured against, and what `--effort high` keeps
where it is smaller.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lut2hw import tools
from lut2hw.compile.lower import bits_read, tables
from lut2hw.errors import ToolError
from lut2hw.files import scratch
from lut2hw.logic import truth
from lut2hw.logic.netlist import CONST0, CONST1, Netlist
from lut2hw.logic.port import INPUT, OUTPUT, InputPort, OutputPort, class_width
from lut2hw.logic.walk import operands_first
from lut2hw.model.network import LutNetwork
from lut2hw.passes.share import unpaired
from lut2hw.targets.base import Target
from lut2hw.targets.read import Bit, Mapped

TOP = "network"


def behavioural(network: LutNetwork, port: InputPort, output: OutputPort | None = None) -> str:
    """Verilog of the combinational core, module `TOP`: vectors `x` and `y` laid out as `port` and `output` say.

    Parameters
    ----------
    output : OutputPort, optional
        None for the answer alone.
    """
    output = output or OutputPort.of(network)
    read = bits_read(tables(network))
    encoder, head = network.encoder, network.head
    width = class_width(len(network.answer_names))
    lines = [f"module {TOP}(input [{max(port.width, 1) - 1}:0] x, output [{output.width - 1}:0] y);"]
    fields = {field.index: field for field in port.fields}
    for bit in sorted(read):
        field = fields[bit if port.encoded else int(encoder.feature[bit])]
        value = f"x[{field.offset + field.width - 1}:{field.offset}]"
        threshold = int(encoder.threshold[bit])
        if port.encoded:
            lines.append(f"wire s{bit} = {value};")
        elif field.signed:
            lines.append(
                f"wire signed [{field.width - 1}:0] v{bit} = {value}; wire s{bit} = v{bit} >= {_literal(threshold)};"
            )
        else:
            lines.append(f"wire s{bit} = {value} >= {_literal(threshold)};")
    lines += [f"wire s{bit} = 1'b0;" for bit in range(len(encoder)) if bit not in read]
    for layer, first in zip(network.layers, network.first_signal, strict=True):
        for row, (table, wiring) in enumerate(zip(layer.tables, layer.wiring.tolist(), strict=True)):
            value = f"{int.from_bytes(table.tobytes(), 'little') & truth.full(layer.k):x}"
            index = ", ".join(f"s{signal}" for signal in reversed(wiring)) or "1'b0"
            lines.append(f"wire s{first + row} = {1 << layer.k}'h{value} >> {{{index}}};")
    if head.kind == "bit":
        return "\n".join([*lines, f"assign y = s{head.signal[0]};", "endmodule", ""])
    low, high = head.score_range
    size = max(int(high.max()), -int(low.min())).bit_length() + 1
    sign = "signed" if low.min() < 0 else ""
    for c, bias in enumerate(head.bias.tolist()):
        terms = [
            f"{'-' if weight < 0 else '+'} ({_literal(abs(weight))} * s{signal})"
            if abs(weight) != 1
            else f"{'-' if weight < 0 else '+'} s{signal}"
            for signal, of, weight in zip(
                head.signal.tolist(), head.class_of.tolist(), head.weight.tolist(), strict=True
            )
            if of == c
        ]
        # sums are right modulo 2**size whatever Verilog thinks of their signs
        lines.append(f"wire {sign} [{size - 1}:0] p{c} = {_literal(bias)} {' '.join(terms)};")
    if not head.classifies:
        return "\n".join([*lines, _word(output), "endmodule", ""])
    if head.kind == "threshold":
        if output.classes_alone and not head.reject:
            return "\n".join([*lines, "assign y = p0 >= 0;", "endmodule", ""])
        lines += [f"wire best = p0 >= 0; wire [{size - 1}:0] margin = best ? p0 : ~p0;"]
        return "\n".join([*lines, _word(output, head.reject, network.n_classes), "endmodule", ""])
    if not output.classes_alone or head.reject:
        least = f"1 << {size - 1}" if sign else "0"
        lines += [
            f"reg [{width - 1}:0] best; reg {sign} [{size - 1}:0] most, second;",
            f"wire [{size - 1}:0] margin = most - second;",
            f"always @* begin best = 0; most = p0; second = {least};",
            *(
                f"if (p{c} > most) begin second = most; most = p{c}; best = {c}; end "
                f"else if (p{c} > second) second = p{c};"
                for c in range(1, network.n_classes)
            ),
        ]
        return "\n".join([*lines, "end", _word(output, head.reject, network.n_classes), "endmodule", ""])
    lines += [
        f"reg [{width - 1}:0] best; reg {sign} [{size - 1}:0] most; assign y = best;",
        "always @* begin best = 0; most = p0;",
    ]
    lines += [f"if (p{c} > most) begin most = p{c}; best = {c}; end" for c in range(1, network.n_classes)]
    return "\n".join([*lines, "end", "endmodule", ""])


def _word(output: OutputPort, reject: int = 0, none: int = 0) -> str:
    """Verilog that puts the fields of the output together; class `none` where the margin is below `reject`."""
    values = {
        "class": f"margin < {_literal(reject)} ? {none} : best" if reject else "best",
        "margin": "margin",
        "label": "p{} >= 0",
        "score": "p{}",
    }
    wires = [
        f"wire [{field.width - 1}:0] y{at} = {values[part].format(field.index)};"
        for at, (field, part) in enumerate(zip(output.fields, output.parts, strict=True))
    ]
    names = [f"y{at}" for at in reversed(range(len(output.fields)))]
    return "\n".join([*wires, f"assign y = {{{', '.join(names)}}};"])


def _literal(value: int) -> str:
    """A signed number, wider than Verilog's 32 bits where it has to be."""
    if -1 << 31 < value < 1 << 31:
        return str(value)
    return f"{'-' if value < 0 else ''}{abs(value).bit_length() + 1}'sd{abs(value)}"


def synthesize(
    network: LutNetwork,
    port: InputPort,
    target: Target,
    output: OutputPort | None = None,
    *,
    timeout: float | None = None,
) -> Netlist:
    """What the family's synthesis makes of `behavioural`, as cells of the target.

    Raises
    ------
    ToolError
        Without yosys, if it fails, and for a primitive that no kind of cell describes.
    """
    with scratch() as folder:
        (folder / "in.v").write_text(behavioural(network, port, output))
        tools.run(
            "yosys",
            ["-q", "-p", f"read_verilog in.v; {target.baseline.format(top=TOP)}; write_json out.json"],
            cwd=folder,
            timeout=timeout,
            makes=["out.json"],
        )
        return read_back(folder / "out.json", TOP, target, {INPUT: ("x", port.width)}, {OUTPUT: "y"})


def read_back(
    path: Path, top: str, target: Target, inputs: Mapping[str, tuple[str, int]], outputs: Mapping[str, str]
) -> Netlist:
    """The flat module `top` in yosys's JSON file as a combinational netlist.

    Parameters
    ----------
    inputs : Mapping[str, tuple[str, int]]
        Name of the netlist's port to name of the module's and width.
    outputs : Mapping[str, str]
        Name to name.

    Raises
    ------
    ToolError
        For a primitive that no kind of cell describes, or a loop.
    """
    try:
        module = json.loads(path.read_text())["modules"][top]
    except (OSError, ValueError, KeyError):
        raise ToolError("yosys wrote no netlist; is its version too old?") from None
    made: list[Mapped] = []
    constant: dict[Bit, Bit] = {}
    # sources of constants have one port; the others' parameters may depend on what they drive
    for cell in sorted(module["cells"].values(), key=lambda cell: len(cell["connections"])):
        if cell["type"] in ("$scopeinfo", "GSR"):
            continue
        reader = target.read.get(cell["type"])
        if reader is None:
            raise ToolError(f"yosys made a {cell['type']} for {target.name}, which cannot be read back")
        try:
            made += reader(
                cell.get("parameters", {}),
                {name: [constant.get(bit, bit) for bit in bits] for name, bits in cell["connections"].items()},
            )
        except ValueError as error:
            raise ToolError(f"yosys made a {cell['type']} that cannot be read back: {error}") from None
        if not made[-1].inputs and made[-1].outputs[0] is not None:
            constant[made[-1].outputs[0]] = "01"[made[-1].table]
    netlist = Netlist(kinds=target.kinds)
    net: dict[Bit, int] = {"0": CONST0, "x": CONST0, "z": CONST0, "1": CONST1}
    for name, (there, width) in inputs.items():
        net.update(zip(module["ports"][there]["bits"], netlist.input(name, width), strict=False))
    driver = {bit: number for number, cell in enumerate(made) for bit in cell.outputs if bit is not None}
    done: set[int] = set()

    def needs(number: int) -> list[int]:
        return [driver[bit] for bit in made[number].inputs if bit not in net and bit in driver]

    def loop(number: int) -> ToolError:
        return ToolError("yosys made a combinational loop")

    for name, there in outputs.items():
        bits = module["ports"][there]["bits"]
        for number in operands_first([driver[bit] for bit in bits if bit in driver], needs, done, loop):
            done.add(number)
            cell = made[number]
            if cell.kind == "lut" and not cell.inputs:  # a register behind a constant would start as 0
                net[cell.outputs[0]] = CONST1 if cell.table & 1 else CONST0  # type: ignore[index]
                continue
            nets = netlist.cell(
                cell.kind, [net.get(bit, CONST0) for bit in cell.inputs], len(cell.outputs), table=cell.table
            )
            net.update((bit, made_net) for bit, made_net in zip(cell.outputs, nets, strict=True) if bit is not None)
        netlist.output(name, [net.get(bit, CONST0) for bit in bits])
    return unpaired(netlist) if target.carry == "shared" else netlist
