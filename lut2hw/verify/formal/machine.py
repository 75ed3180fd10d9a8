"""A circuit with its registers as a machine: what it puts out and what it holds next, as an and-inverter graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lut2hw.logic.aig import FALSE, TRUE, Aig
from lut2hw.verify.formal.circuit import Bit, Circuit, UnknownCell

Pins = Mapping[str, Sequence[Bit]]
"""Nets of ports by a name that both sides of a proof have."""


@dataclass(frozen=True, eq=False)
class Machine:
    """A circuit of one clock.

    Attributes
    ----------
    circuit : Circuit
        As it was read.
    inputs, outputs : dict of str to Bit
        Nets of single bits by name, the clock left out.
    registers : tuple of Bit
        Output nets of the registers.
    initial : tuple of int
        What these hold at power-up, 0 where nothing is said, as in every iCE40.
    loose : tuple of Bit
        Nets that nothing drives, which may have any value.
    """

    circuit: Circuit
    inputs: Mapping[str, Bit]
    outputs: Mapping[str, Bit]
    registers: tuple[Bit, ...]
    initial: tuple[int, ...]
    loose: tuple[Bit, ...]

    def build(
        self, aig: Aig, inputs: Mapping[str, int], registers: Sequence[int], loose: Sequence[int]
    ) -> tuple[dict[str, int], list[int]]:
        """Add the machine to a graph.

        Parameters
        ----------
        aig : Aig
            Takes its nodes.
        inputs : mapping of str to int
            Literals by name.
        registers, loose : sequence of int
            Literals of what the registers hold and of nets that nothing drives.

        Returns
        -------
        outputs : dict of str to int
            Literals by name.
        following : list of int
            Literals of what the registers hold after the next edge of the clock.
        """
        known: dict[Bit, int] = {net: inputs[name] for name, net in self.inputs.items()}
        known |= dict(zip(self.registers, registers, strict=True)) | dict(zip(self.loose, loose, strict=True))
        wanted: list[Bit] = list(self.outputs.values())
        for net in self.registers:
            register = self.circuit.registers[net]
            wanted += [register.d, _or(register.enable, "1"), _or(register.reset, "0")]
        found = self.circuit.literals(aig, known, wanted, through=False)
        outputs = dict(zip(self.outputs, found, strict=False))
        rest = iter(found[len(outputs) :])
        following = []
        for net, d, enable, reset in zip(self.registers, rest, rest, rest, strict=True):
            register = self.circuit.registers[net]
            cleared = TRUE if register.value else FALSE
            if register.gated:
                following.append(aig.mux(enable, known[net], aig.mux(reset, d, cleared)))
            else:
                following.append(aig.mux(reset, aig.mux(enable, known[net], d), cleared))
        return outputs, following

    def name(self, register: int) -> str:
        """What a register is called."""
        net = self.registers[register]
        return self.circuit.names.get(net, str(net))


def _or(net: Bit | None, default: Bit) -> Bit:
    return default if net is None else net


def machine(circuit: Circuit, pins: Pins, clock: str = "clk") -> Machine:
    """A circuit as a machine.

    Parameters
    ----------
    circuit : Circuit
        One whose registers share a clock.
    pins : mapping of str to sequence of Bit
        Its ports by name, the clock among them.
    clock : str
        Which one that is.

    Raises
    ------
    UnknownCell
        If the registers do not share that clock, or for logic that forms a loop.
    """
    clocks = {register.clock for register in circuit.registers.values()}
    if not clocks <= set(pins.get(clock, ())):
        raise UnknownCell("a register whose clock is not the chip's")
    bits = {
        name if len(nets) == 1 else f"{name}[{at}]": net
        for name, nets in pins.items()
        if name != clock
        for at, net in enumerate(nets)
    }
    outside = {net for nets in circuit.inputs.values() for net in nets}
    outside -= {*circuit.registers, *circuit.cells}
    inputs = {name: net for name, net in bits.items() if net in outside}
    outputs = {name: net for name, net in bits.items() if net not in outside}
    registers, loose = _reached(circuit, list(outputs.values()), set(inputs.values()))
    return Machine(
        circuit,
        inputs,
        outputs,
        tuple(registers),
        tuple(circuit.initial.get(net, 0) for net in registers),
        tuple(loose),
    )


def _reached(circuit: Circuit, wanted: Sequence[Bit], inputs: set[Bit]) -> tuple[list[Bit], list[Bit]]:
    """Registers that outputs depend on, in the order of the circuit, and undriven nets on the way."""
    seen: set[Bit] = set()
    stack = list(wanted)
    loose = list[Bit]()
    while stack:
        net = stack.pop()
        if net in seen or (isinstance(net, str) and net in "01"):
            continue
        seen.add(net)
        if net in circuit.registers:
            register = circuit.registers[net]
            stack += [each for each in (register.d, register.enable, register.reset) if each is not None]
        elif net in circuit.cells:
            stack += circuit.cells[net][0]["needs"]
        elif net not in inputs:
            loose.append(net)
    return [net for net in circuit.registers if net in seen], sorted(loose, key=str)
