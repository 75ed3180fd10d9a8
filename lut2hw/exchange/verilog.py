"""Behavioural Verilog of the core, combinational and without vendor primitives: any simulator or flow takes it."""

from __future__ import annotations

from lut2hw.exchange.circuit import Circuit
from lut2hw.exchange.registry import WriteOptions
from lut2hw.logic.netlist import CONST0, CONST1
from lut2hw.model.network import LutNetwork


def write(network: LutNetwork, options: WriteOptions) -> bytes:
    """The bytes of a Verilog file with the whole core of a network."""
    answer = "class_number" if network.head.classifies else "answer"
    return to_behavioural(Circuit.of(network, encoded=options.encoded_inputs), answer=answer).encode()


def to_behavioural(circuit: Circuit, module: str = "lut2hw_core", answer: str = "class_number") -> str:
    """The text of a Verilog-2001 module with the ports `features` and `answer`, bit i input i and output i."""
    n, width = max(len(circuit.inputs), 1), len(circuit.outputs)
    name = {CONST0: "1'b0", CONST1: "1'b1", **{net: f"features[{i}]" for i, net in enumerate(circuit.inputs)}}
    lines = [f"module {module} (input [{n - 1}:0] features, output [{width - 1}:0] {answer});"]
    lines += [f"  // features[{i}]: {each}" for i, each in enumerate(circuit.input_names)]
    if answer != "class_number":
        lines += [f"  // {answer}[{i}]: {each}" for i, each in enumerate(circuit.output_names)]
    for net, inputs, table in circuit.luts():
        if not inputs:
            name[net] = f"1'b{table & 1}"
            continue
        # A table that is indexed, not shifted: a bit is one bit wide, and linters have nothing to say.
        name[net], size = f"n{net}", 1 << len(inputs)
        index = ", ".join(name[each] for each in reversed(inputs))
        lines.append(f"  wire [{size - 1}:0] t{net} = {size}'h{table:x};")
        lines.append(f"  wire n{net} = t{net}[{{{index}}}];")
    lines += [f"  assign {answer}[{i}] = {name[net]};" for i, net in enumerate(circuit.outputs)]
    return "\n".join([*lines, "endmodule", ""])
