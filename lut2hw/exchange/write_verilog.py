"""Behavioural Verilog of the core, combinational and without vendor primitives: any simulator or flow takes it."""

from __future__ import annotations

from lut2hw.exchange.circuit import Circuit
from lut2hw.logic.netlist import CONST0, CONST1


def to_behavioural(circuit: Circuit, module: str = "lut2hw_core") -> str:
    """The text of a Verilog-2001 module with the ports `features` (bit i is input i) and `class_number`."""
    n, width = max(len(circuit.inputs), 1), len(circuit.outputs)
    name = {CONST0: "1'b0", CONST1: "1'b1", **{net: f"features[{i}]" for i, net in enumerate(circuit.inputs)}}
    lines = [f"module {module} (input [{n - 1}:0] features, output [{width - 1}:0] class_number);"]
    lines += [f"  // features[{i}]: {each}" for i, each in enumerate(circuit.input_names)]
    for net, inputs, table in circuit.luts():
        name[net] = f"n{net}"
        k = len(inputs)
        index = "{" + ", ".join(name[each] for each in reversed(inputs)) + "}" if inputs else "1'b0"
        lines.append(f"  wire n{net} = {1 << k}'h{table:x} >> {index};")
    lines += [f"  assign class_number[{i}] = {name[net]};" for i, net in enumerate(circuit.outputs)]
    return "\n".join([*lines, "endmodule", ""])
