"""Circuit: a combinational netlist of LUTs with a name for every input and output, as logic files have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lut2hw.errors import UsageError
from lut2hw.logic.graph import MAJORITY, MUX
from lut2hw.logic.netlist import CONST0, CONST1, Netlist
from lut2hw.logic.port import ANSWER, INPUT, OUTPUT, InputPort
from lut2hw.model.network import LutNetwork
from lut2hw.quote import distinct, identifier

_AS_LUT = {"carry": MAJORITY, "mux": MUX, "step": 0b11100100}


@dataclass(frozen=True, eq=False)
class Circuit:
    """netlist: input port `INPUT` and output port `OUTPUT`; cells without registers.

    input_names, output_names: one for each bit of these ports, different from each other.
    port: layout of the inputs, if the circuit was made from a network.
    """

    netlist: Netlist
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    port: InputPort | None = None

    @classmethod
    def of(cls, network: LutNetwork, *, encoded: bool = True, outputs: str = ANSWER) -> Circuit:
        """The whole core of `network` without registers.

        Inputs are the bits of the code that it reads, named `FEATURE_ge_THRESHOLD` (threshold as an integer), or, if
        not `encoded`, the bits of the raw features, `FEATURE[BIT]`. Outputs are `class[BIT]`, `margin[BIT]`, for
        labels and numbers `NAME[BIT]`, and so on.

        Parameters
        ----------
        outputs : str
            As of `CompileOptions`.
        """
        # Here, not above: the compiler is heavy to import and readers of logic files do without it.
        from lut2hw.compile.compiler import compile_network
        from lut2hw.targets.registry import get

        compiled = compile_network(network, get("generic"), encoded_inputs=encoded, pipeline="none", outputs=outputs)
        encoder, features = network.encoder, network.features
        names = []
        for field in compiled.input_port.fields:
            if encoded:
                feature, threshold = int(encoder.feature[field.index]), int(encoder.threshold[field.index])
                names.append(f"{identifier(features.names[feature])}_ge_{threshold}".replace("-", "m"))
            else:
                name = identifier(field.name)
                names += [f"{name}[{bit}]" for bit in range(field.width)]
        width = len(compiled.netlist.outputs[OUTPUT])
        made = [f"{field.name}[{bit}]" for field in compiled.output_port.fields for bit in range(field.width)]
        ports = distinct([*made, *names])
        return cls(compiled.netlist, ports[width:], ports[:width], compiled.input_port)

    @property
    def inputs(self) -> list[int]:
        """Nets of the inputs."""
        return self.netlist.inputs[INPUT]

    @property
    def outputs(self) -> list[int]:
        """Nets of the outputs."""
        return self.netlist.outputs[OUTPUT]

    def luts(self) -> Iterator[tuple[int, tuple[int, ...], int]]:
        """Every cell as (output net, input nets, truth table), in topological order."""
        for cell in self.netlist.cells:
            if cell.kind == "lut":
                yield cell.outputs[0], cell.inputs, cell.table
            elif cell.kind in _AS_LUT:
                yield cell.outputs[0], cell.inputs, _AS_LUT[cell.kind]
            else:
                raise UsageError(f"a {cell.kind} cell is not combinational logic; compile without a pipeline")


def by_net(circuit: Circuit, internal: str = "n") -> dict[int, str]:
    """A name for every net: inputs their own, others numbered after a prefix that no port begins with."""
    ports: Sequence[str] = circuit.input_names + circuit.output_names
    while any(name.startswith(internal) for name in ports):
        internal += "_"
    names = {CONST0: f"{internal}0", CONST1: f"{internal}1"}
    names.update(zip(circuit.inputs, circuit.input_names, strict=True))
    for net, _, _ in circuit.luts():
        names[net] = f"{internal}{net}"
    return names
