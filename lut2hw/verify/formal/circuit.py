"""A circuit as yosys reads it: gates, vendor primitives and registers, turned into an and-inverter graph.

What each primitive does is written down here once more, apart from the compiler's targets; the tests compare it
with the vendor's simulation models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from lut2hw import tools
from lut2hw.errors import Lut2hwError
from lut2hw.files import scratch
from lut2hw.logic.aig import FALSE, TRUE, Aig
from lut2hw.logic.walk import operands_first
from lut2hw.verify.formal.memory import MEMORIES, NotATable

Bit = int | str
"""A net as yosys numbers it, or a constant "0", "1", "x", "z"."""

Ports = dict[str, list[int]]
Gate = Callable[[Aig, dict[str, Any], Ports], Ports]


class UnknownCell(Lut2hwError):
    """A cell that nothing here describes."""


def _lut(names: Sequence[str], output: str, parameter: str) -> Gate:
    def gate(aig: Aig, parameters: dict[str, Any], ports: Ports) -> Ports:
        entries = bytes(parameters[parameter] >> p & 1 for p in range(1 << len(names)))
        return {output: [aig.table([ports.get(name, [FALSE])[0] for name in names], entries)]}

    return gate


def _mux(low: str, high: str, select: str, output: str) -> Gate:
    return lambda aig, parameters, p: {output: [aig.mux(p[select][0], p[low][0], p[high][0])]}


def _logic(function: Callable[[Aig, int, int], int]) -> Gate:
    return lambda aig, parameters, p: {"Y": [function(aig, p["A"][0], p.get("B", p["A"])[0])]}


def _sb_carry(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
    a, b, c = (p.get(name, [FALSE])[0] for name in ("I0", "I1", "CI"))
    return {"CO": [aig.or_(aig.and_(a, b), aig.and_(aig.or_(a, b), c))]}


def _ccu2(inject: Sequence[str], lower: int, *, inverse: bool = False) -> Gate:
    """Two slots of a Lattice carry chain: a LUT4 at 1 propagates, else its LUT of `lower` inputs generates, or the
    inverse of its last entries.
    """

    def gate(aig: Aig, parameters: dict[str, Any], ports: Ports) -> Ports:
        if any(parameters.get(name, "YES") != "NO" for name in inject):
            raise UnknownCell("a carry that is fed in")
        carry, out = ports.get("CIN", [FALSE])[0], {}
        for slot in "01":
            table = parameters[f"INIT{slot}"]
            pins = [ports.get(f"{name}{slot}", [FALSE])[0] for name in "ABCD"]
            prop = aig.table(pins, bytes(table >> p & 1 for p in range(16)))
            low = ~table >> 12 if inverse else table
            gen = aig.table(pins[:lower], bytes(low >> p & 1 for p in range(1 << lower)))
            out[f"S{slot}"] = [aig.xor(prop, carry)]
            carry = aig.mux(prop, gen, carry)
        return out | {"COUT": [carry]}

    return gate


def _carry4(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
    carry = aig.or_(p.get("CI", [FALSE])[0], p.get("CYINIT", [FALSE])[0])
    sums, carries = [], []
    for select, data in zip(p["S"], p["DI"], strict=True):
        sums.append(aig.xor(select, carry))
        carry = aig.mux(select, data, carry)
        carries.append(carry)
    return {"O": sums, "CO": carries}


def _carry8(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
    if p.get("CI_TOP", [FALSE])[0] != FALSE or parameters.get("CARRY_TYPE", "SINGLE_CY8") != "SINGLE_CY8":
        raise UnknownCell("a CARRY8 in two halves")
    return _carry4(aig, parameters, p)


def _lut6_2(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
    x = [p.get(f"I{j}", [FALSE])[0] for j in range(6)]
    entries = bytes(parameters["INIT"] >> i & 1 for i in range(64))
    return {"O6": [aig.table(x, entries)], "O5": [aig.table(x[:5], entries[:32])]}


def _alu(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
    """Gowin's: mode 0 adds, 1 subtracts, 2 adds where I3 is one and else subtracts."""
    a, b, add, carry = (p.get(name, [FALSE])[0] for name in ("I0", "I1", "I3", "CIN"))
    mode = parameters.get("ALU_MODE", 0)
    if mode not in (0, 1, 2):
        raise UnknownCell(f"an ALU in mode {mode}")
    other = (b, b ^ 1, aig.mux(add, b ^ 1, b))[mode]
    prop = aig.xor(a, other)
    return {"SUM": [aig.xor(prop, carry)], "COUT": [aig.mux(prop, a, carry)]}


def _widefn9(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
    halves = [
        aig.table(
            [p.get(f"{name}{half}", [FALSE])[0] for name in "ABCD"],
            bytes(parameters[f"INIT{half}"] >> i & 1 for i in range(16)),
        )
        for half in "01"
    ]
    return {"Z": [aig.mux(p["SEL"][0], *halves)]}


def _lut_of(k: int) -> Gate:
    """LUTk of 7 series (O), of Gowin (F) and, with inputs A to D, of Lattice (Z)."""

    def gate(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
        names, output = (list("ABCD"), "Z") if "Z" in p else ([f"I{j}" for j in range(k)], "F" if "F" in p else "O")
        return _lut(names, output, "INIT")(aig, parameters, p)

    return gate


def _lut2_tree(leaves: Sequence[str], top: str, last: str = "") -> Gate:
    """GateMate's: two LUT2s and one that reads them; input 0 of a `last` LUT2 is I4, input 1 the tree."""

    def gate(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
        def lut2(name: str, inputs: Sequence[int]) -> int:
            return aig.table(list(inputs), bytes(parameters.get(name, 0) >> i & 1 for i in range(4)))

        x = [p.get(f"I{j}", [FALSE])[0] for j in range(5)]
        out = lut2(top, [lut2(name, x[2 * half : 2 * half + 2]) for half, name in enumerate(leaves)])
        return {"O": [lut2(last, [x[4], out]) if last else out]}

    return gate


def _cc_mux(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
    """GateMate's CC_MX2, CC_MX4 and CC_MX8."""
    data = [p.get(f"D{j}", [FALSE])[0] for j in range(8)]
    for select in (p.get(f"S{j}", [FALSE])[0] for j in range(3)):
        data = [aig.mux(select, low, high) for low, high in zip(data[::2], data[1::2], strict=False)] or data
    return {"Y": [data[0]]}


def _cc_addf(aig: Aig, parameters: dict[str, Any], p: Ports) -> Ports:
    total, carry = aig.full_adder(*(p.get(name, [FALSE])[0] for name in ("A", "B", "CI")))
    return {"S": [total], "CO": [carry]}


GATES: dict[str, Gate] = {
    "$_NOT_": _logic(lambda aig, a, b: a ^ 1),
    "$_BUF_": _logic(lambda aig, a, b: a),
    "$_AND_": _logic(Aig.and_),
    "$_NAND_": _logic(lambda aig, a, b: aig.and_(a, b) ^ 1),
    "$_OR_": _logic(Aig.or_),
    "$_NOR_": _logic(lambda aig, a, b: aig.or_(a, b) ^ 1),
    "$_XOR_": _logic(Aig.xor),
    "$_XNOR_": _logic(lambda aig, a, b: aig.xor(a, b) ^ 1),
    "$_ANDNOT_": _logic(lambda aig, a, b: aig.and_(a, b ^ 1)),
    "$_ORNOT_": _logic(lambda aig, a, b: aig.or_(a, b ^ 1)),
    "$_MUX_": _mux("A", "B", "S", "Y"),
    "INV": lambda aig, parameters, p: {"O" if "I" in p else "Z": [p["I" if "I" in p else "A"][0] ^ 1]},
    "SB_LUT4": _lut(("I0", "I1", "I2", "I3"), "O", "LUT_INIT"),
    "SB_CARRY": _sb_carry,
    **{f"LUT{k}": _lut_of(k) for k in range(1, 7)},
    "PFUMX": _mux("BLUT", "ALUT", "C0", "Z"),
    "L6MUX21": _mux("D0", "D1", "SD", "Z"),
    "CCU2C": _ccu2(("INJECT1_0", "INJECT1_1"), 2),
    "CCU2D": _ccu2(("INJECT1_0", "INJECT1_1"), 2, inverse=True),
    "CCU2": _ccu2(("INJECT",), 3),
    "CARRY4": _carry4,
    "CARRY8": _carry8,
    "LUT6_2": _lut6_2,
    **{f"MUXF{k}": _mux("I0", "I1", "S", "O") for k in (7, 8, 9)},
    **{f"MUX2_LUT{k}": _mux("I0", "I1", "S0", "O") for k in (5, 6, 7, 8)},
    "ALU": _alu,
    "WIDEFN9": _widefn9,
    **{f"CC_LUT{k}": _lut([f"I{j}" for j in range(k)], "O", "INIT") for k in range(1, 5)},
    "CC_L2T4": _lut2_tree(("INIT_L00", "INIT_L01"), "INIT_L10"),
    "CC_L2T5": _lut2_tree(("INIT_L02", "INIT_L03"), "INIT_L11", "INIT_L20"),
    "CC_MX2": _cc_mux,
    "CC_MX4": _cc_mux,
    "CC_MX8": _cc_mux,
    "CC_ADDF": _cc_addf,
    # one bit of a block RAM, before its register
    "rom": lambda aig, parameters, p: {"Y": [aig.table(p["A"], parameters["entries"])]},
}
"""What cells without registers do: parameters and input literals by port to output literals by port."""


@dataclass(frozen=True)
class Flop:
    """A kind of flip-flop: its ports, whether its reset needs the enable, and the parameters that it must have."""

    d: str = "D"
    q: str = "Q"
    clock: str = "C"
    enable: str = "E"
    reset: str = "R"
    gated: bool = False
    value: int = 0
    off: str = ""
    """A port that must be 0, as an asynchronous reset."""
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name to the values, as text, with which it is what the rest says; one that is left out is right."""


_UPRIGHT = {f"IS_{port}_INVERTED": ("0",) for port in "CDR"}
_GATEMATE = {f"{port}_INV": ("0",) for port in ("CLK", "EN", "SR")}
_GOWIN = Flop(clock="CLK", enable="CE", reset="RESET")
FLOPS: dict[str, Flop] = {
    **dict.fromkeys(
        ("$_DFF_P_", "$_DFFE_PP_", "$_SDFF_PP0_", "$_SDFFE_PP0P_", "SB_DFF", "SB_DFFE", "SB_DFFSR"), Flop()
    ),
    **dict.fromkeys(("$_SDFFCE_PP0P_", "SB_DFFESR"), Flop(gated=True)),
    **dict.fromkeys(("$_SDFF_PP1_", "$_SDFFE_PP1P_"), Flop(value=1)),
    "SB_DFFSS": Flop(reset="S", value=1),
    "$_SDFFCE_PP1P_": Flop(gated=True, value=1),
    "SB_DFFESS": Flop(reset="S", gated=True, value=1),
    "TRELLIS_FF": Flop(
        "DI",
        "Q",
        "CLK",
        "CE",
        "LSR",
        parameters={
            "CEMUX": ("CE", "1"),
            "CLKMUX": ("CLK",),
            "LSRMUX": ("LSR",),
            "LSRMODE": ("LSR",),
            "REGSET": ("RESET",),
            "SRMODE": ("LSR_OVER_CE",),
        },
    ),
    "FD1P3IX": Flop("D", "Q", "CK", "SP", "CD"),
    **dict.fromkeys(("DFF", "DFFE", "DFFR", "DFFRE"), _GOWIN),
    "FDRE": Flop(enable="CE", parameters=_UPRIGHT),
    "CC_DFF": Flop(clock="CLK", enable="EN", reset="", off="SR", parameters=_GATEMATE),
}
"""Flip-flops: those of yosys, iCE40, ECP5, Nexus, Gowin, 7 series and GateMate. All are reset synchronously."""

SHIFTS = {"SRL16E": 4, "SRLC32E": 5}
"""Shift registers of 7 series: D, CLK, CE and as many address bits, which say after how many registers, less one."""

BUFFERS = {"IBUF": ("I", "O"), "OBUF": ("I", "O"), "BUFG": ("I", "O"), "IB": ("I", "O"), "OB": ("I", "O")}
BUFFERS |= {"CC_BUFG": ("I", "O"), "CC_IBUF": ("I", "Y"), "CC_OBUF": ("A", "O")}
PADS = {"SB_IO": ("D_IN_0",), "SB_GB_IO": ("D_IN_0", "GLOBAL_BUFFER_OUTPUT")}
"""Pads of iCE40, and the ports at which they show what is on their pin."""
CONSTANTS = {"GND": ("G", "0"), "VCC": ("VP", "1"), "VLO": ("Z", "0"), "VHI": ("Z", "1")}
"""Cells that only pass a net on, from port to port, and cells that are a constant, by the ports it may be called."""


@dataclass(frozen=True)
class Register:
    """A flip-flop: on a rising edge of `clock`, if `enable` (None: always), q takes d; or `value` if `reset` (None: never)."""  # noqa: E501

    d: Bit
    q: Bit
    clock: Bit
    enable: Bit | None
    reset: Bit | None
    gated: bool = False
    """The reset needs the enable, too."""
    value: int = 0


def _register(cell: dict[str, Any], flop: Flop) -> Register:
    """The flip-flop that a cell is; `UnknownCell` for a use of it that a core has not."""
    kind, parameters = cell["type"], {name: str(value).strip() for name, value in cell.get("parameters", {}).items()}
    for name, values in flop.parameters.items():
        if parameters.get(name, values[0]) not in values:
            raise UnknownCell(f"a cell of kind {kind} with {name} {parameters[name]}")
    ports = {name: nets[0] for name, nets in cell["connections"].items()}
    if ports.get(flop.off, "0") != "0":
        raise UnknownCell(f"a cell of kind {kind} that is reset by {flop.off}")
    enable, reset = ports.get(flop.enable), ports.get(flop.reset)
    if parameters.get("CEMUX") == "1" or enable == "1":
        enable = None
    return Register(
        ports[flop.d],
        ports[flop.q],
        ports[flop.clock],
        enable,
        None if reset == "0" else reset,
        flop.gated,
        flop.value,
    )


def _shift(cell: dict[str, Any], fresh: Iterator[int]) -> list[Register]:
    """The flip-flops of a shift register that is always read at the same place."""
    ports = cell["connections"]
    width = SHIFTS[cell["type"]]
    address = ports["A"] if "A" in ports else [ports[f"A{bit}"][0] for bit in range(width)]
    if not set(address) <= {"0", "1"} or str(cell["parameters"].get("IS_CLK_INVERTED", "0")).strip() != "0":
        raise UnknownCell(f"a cell of kind {cell['type']} whose length changes")
    length = 1 + sum(1 << bit for bit, value in enumerate(address) if value == "1")
    nets = [ports["D"][0], *(next(fresh) for _ in range(length - 1)), ports["Q"][0]]
    enable = ports.get("CE", ["1"])[0]
    return [Register(d, q, ports["CLK"][0], None if enable == "1" else enable, None) for d, q in pairwise(nets)]


def _pad(cell: dict[str, Any]) -> dict[Bit, Bit]:
    """What a pad drives, to what it is: the fabric where it is an input, the pin where it is an output."""
    nets, kind = cell["connections"], _value(cell.get("parameters", {}).get("PIN_TYPE", 0))
    if not isinstance(kind, int) or kind & 3 != 1:
        raise UnknownCell("a pad with a register or a latch")
    pin = nets["PACKAGE_PIN"][0]
    source: dict[Bit, Bit] = {nets[name][0]: pin for name in PADS[cell["type"]] if nets.get(name)}
    drive = kind >> 2
    if drive:
        enabled = drive == 0b0110 or (drive == 0b1010 and nets.get("OUTPUT_ENABLE", ["1"]) == ["1"])
        if not enabled or nets.get("D_OUT_1", ["0"])[0] not in ("0", "x"):
            raise UnknownCell("a pad whose output is registered or can be switched off")
        source[pin] = nets["D_OUT_0"][0]
    return source


def _buffers(module: dict[str, Any]) -> dict[Bit, Bit]:
    """Nets that a buffer, a pad or a constant drives, to what they are."""
    source: dict[Bit, Bit] = {}
    for cell in module["cells"].values():
        nets = cell["connections"]
        if cell["type"] in PADS:
            source |= _pad(cell)
        elif cell["type"] in BUFFERS:
            left, right = BUFFERS[cell["type"]]
            source[nets[right][0]] = nets[left][0]
        elif cell["type"] in CONSTANTS:
            names, value = CONSTANTS[cell["type"]]
            source |= {net[0]: value for name, net in nets.items() if name in names}
    out: dict[Bit, Bit] = {}
    for net, to in source.items():
        for _ in range(len(source)):
            if to not in source:
                break
            to = source[to]
        else:
            raise UnknownCell("a loop of buffers")
        out[net] = to
    return out


def _value(text: str | int) -> int | str:
    """A parameter: bits, a hexadecimal number in a string as Lattice Nexus has it, or another string as it is."""
    if isinstance(text, int):
        return text
    text = text.strip()
    if text.startswith("0x"):
        return int(text, 16)
    return int(text, 2) if text and set(text) <= {"0", "1"} else text


def _loop(net: Bit) -> UnknownCell:
    return UnknownCell("a combinational loop")


def _names(module: dict[str, Any]) -> tuple[dict[Bit, str], dict[Bit, int]]:
    """The shortest name of each net, and the initial values that yosys notes beside nets."""
    names: dict[Bit, str] = {}
    initial: dict[Bit, int] = {}
    for name, entry in module.get("netnames", {}).items():
        nets = entry["bits"]
        start = str(entry.get("attributes", {}).get("init", ""))[::-1]
        for index, net in enumerate(nets):
            said = name if len(nets) == 1 else f"{name}[{index}]"
            if not entry.get("hide_name") and (net not in names or len(said) < len(names[net])):
                names[net] = said
            if index < len(start) and start[index] in "01":
                initial[net] = int(start[index])
    return names, initial


class Circuit:
    """One flat module of yosys's JSON."""

    def __init__(self, module: dict[str, Any]) -> None:
        same = _buffers(module)
        self.ports: dict[str, list[Bit]] = {
            name: [same.get(net, net) for net in port["bits"]] for name, port in module["ports"].items()
        }
        self.inputs = {
            name: [
                net
                for net in port["bits"]
                if port.get("direction") != "output" and net not in same and not isinstance(net, str)
            ]
            for name, port in module["ports"].items()
        }
        """Nets of its ports that come from outside, by port."""
        self.names, self.initial = _names(module)
        """Of nets, for words, and what registers hold at first where it is said."""
        self.vectors: dict[str, list[Bit]] = {
            name: [same.get(net, net) for net in entry["bits"]]
            for name, entry in module.get("netnames", {}).items()
            if not entry.get("hide_name")
        }
        """Nets by name."""
        self.registers: dict[Bit, Register] = {}
        self.cells: dict[Bit, tuple[dict[str, Any], str, int]] = {}
        undirected, fresh = [], count(-1, -1)
        for cell in module["cells"].values():
            kind = cell["type"]
            if kind == "$scopeinfo" or kind in BUFFERS or kind in CONSTANTS or kind in PADS:
                continue
            cell["connections"] = {
                name: [same.get(net, net) for net in nets] for name, nets in cell["connections"].items()
            }
            if kind in FLOPS:
                register = _register(cell, FLOPS[kind])
                self.registers[register.q] = register
            elif kind in SHIFTS:
                self.registers |= {register.q: register for register in _shift(cell, fresh)}
            elif kind in MEMORIES:
                self._memory(cell, fresh)
            elif kind in GATES:
                undirected.append(cell)
            else:
                raise UnknownCell(f"a cell of kind {kind}")
        for cell in undirected:
            cell["values"] = {name: _value(value) for name, value in cell.get("parameters", {}).items()}
            probe = Aig(1)
            ports = {name: [FALSE] * len(nets) for name, nets in cell["connections"].items()}
            driven = GATES[cell["type"]](probe, cell["values"], ports)
            cell["needs"] = [net for name, nets in cell["connections"].items() if name not in driven for net in nets]
            for port in driven:
                for index, net in enumerate(cell["connections"].get(port, [])):
                    self.cells[net] = cell, port, index
        # A register that holds through a multiplexer is one with an enable.
        for q, register in list(self.registers.items()):
            cell, _, _ = self.cells.get(register.d, ({"type": ""}, "", 0))
            if register.enable is None and cell["type"] == "$_MUX_" and cell["connections"]["A"] == [q]:
                self.registers[q] = Register(
                    cell["connections"]["B"][0],
                    q,
                    register.clock,
                    cell["connections"]["S"][0],
                    register.reset,
                    value=register.value,
                )

    def _memory(self, cell: dict[str, Any], fresh: Iterator[int]) -> None:
        """A block RAM as a table and a register for each bit; the nets between have negative numbers."""
        values = {name: _value(value) for name, value in cell.get("parameters", {}).items()}
        try:
            rom = MEMORIES[cell["type"]](values, cell["connections"])
        except NotATable as error:
            raise UnknownCell(str(error)) from None
        for net, entries in rom.tables.items():
            table = next(fresh)
            self.cells[table] = (
                {
                    "type": "rom",
                    "connections": {"A": rom.address, "Y": [table]},
                    "values": {"entries": entries},
                    "needs": rom.address,
                },
                "Y",
                0,
            )
            self.registers[net] = Register(table, net, rom.clock, rom.enable, None)

    def literals(
        self,
        aig: Aig,
        known: dict[Bit, int],
        wanted: Sequence[Bit],
        *,
        through: bool,
        nets: list[int] | None = None,
        held: Mapping[Bit, tuple[Sequence[Bit], Mapping[Bit, int]]] | None = None,
    ) -> list[int]:
        """Literals of the nets `wanted`, given those of `known` nets; `through` makes registers transparent.

        Parameters
        ----------
        nets : list[int], optional
            A list that takes the literals of all nets on the way.
        held : Mapping[Bit, tuple[Sequence[Bit], Mapping[Bit, int]]], optional
            For some registers what their input depends on besides itself and other nets, and what literals to take
            for those.

        Raises
        ------
        UnknownCell
            For a net that nothing drives, for a loop, and for a register if not `through`.
        """
        done: dict[Bit, int] = {"0": FALSE, "1": TRUE, **known}

        def needs(net: Bit) -> Sequence[Bit]:
            if held and net in held:
                return held[net][0]
            if net in self.registers and through:
                return [self.registers[net].d]
            if net in self.cells:
                read: list[Bit] = self.cells[net][0]["needs"]
                return read
            raise UnknownCell("a net that is not driven by the logic it should depend on")

        for net in operands_first(wanted, needs, done, _loop):
            if held and net in held:
                given = {**{need: done[need] for need in needs(net)}, **held[net][1], net: FALSE}
                [done[net]] = self.literals(aig, given, [self.registers[net].d], through=False)
            elif net in self.registers and through:
                done[net] = done[self.registers[net].d]
            else:
                cell, port, index = self.cells[net]
                ports = {name: [done.get(n, FALSE) for n in nets] for name, nets in cell["connections"].items()}
                done[net] = GATES[cell["type"]](aig, cell["values"], ports)[port][index]
        if nets is not None:
            nets += done.values()
        return [done[net] for net in wanted]

    def boundary(self, wanted: Bit, special: Set[Bit]) -> tuple[Bit, ...]:
        """What the logic of `wanted` reads besides `special` nets, where it no longer depends on these."""
        depends: dict[Bit, bool] = dict.fromkeys(special, True)

        def needs(net: Bit) -> Sequence[Bit]:
            if net not in self.cells or net in self.registers:
                return ()
            return [need for need in self.cells[net][0]["needs"] if not isinstance(need, str)]

        for net in operands_first([wanted], needs, depends, _loop):
            depends[net] = any(depends[need] for need in needs(net))
        out, seen, stack = list[Bit](), set(special), [wanted]
        while stack:
            net = stack.pop()
            if net in seen or isinstance(net, str):
                continue
            seen.add(net)
            if depends[net]:
                stack += self.cells[net][0]["needs"]
            else:
                out.append(net)
        return tuple(out)

    def fan_in(self, wanted: Sequence[Bit]) -> set[Bit]:
        """Register outputs and undriven nets that `wanted` depend on, without going through registers."""
        out: set[Bit] = set()
        seen: set[Bit] = set()
        stack = list(wanted)
        while stack:
            net = stack.pop()
            if net in seen or isinstance(net, str):
                continue
            seen.add(net)
            if net in self.cells and net not in self.registers:
                stack += self.cells[net][0]["needs"]
            else:
                out.add(net)
        return out


def read_design(rtlil: str, sources: Sequence[str], top: str, *, timeout: float | None = None) -> Circuit:
    """Read a whole chip as one flat circuit; no register is changed.

    Parameters
    ----------
    rtlil : str
        Modules in RTLIL, none if empty.
    sources : Sequence[str]
        Texts of Verilog.
    top : str
        The module.

    Raises
    ------
    ToolError
    UnknownCell
    """
    with scratch() as work:
        (work / "design.il").write_text(rtlil)
        for index, text in enumerate(sources):
            (work / f"source{index}.v").write_text(text)
        names = " ".join(f"source{index}.v" for index in range(len(sources)))
        script = f"""{"read_rtlil design.il" if rtlil else ""}
read_verilog {names}
hierarchy -top {top}
proc
flatten
opt_expr
opt_clean
techmap
opt_expr
opt_merge
opt_clean
write_json circuit.json
"""
        (work / "read.ys").write_text(script)
        tools.run("yosys", ["-q", "-s", "read.ys"], cwd=work, timeout=timeout, makes=["circuit.json"])
        return Circuit(json.loads((work / "circuit.json").read_text())["modules"][top])


def read(sources: Sequence[Path | str], top: str, *, timeout: float | None = None) -> Circuit:
    """Read Verilog with yosys down to gates, primitives and registers.

    Raises
    ------
    ToolError
    UnknownCell
    """
    return read_all(sources, [top], timeout=timeout)[0]


def read_all(sources: Sequence[Path | str], tops: Sequence[str], *, timeout: float | None = None) -> list[Circuit]:
    """`read` for several modules that stand for themselves.

    Parameters
    ----------
    sources : Sequence[Path | str]
        Files as paths, or texts.
    """
    with scratch() as work:
        for index, source in enumerate(sources):
            text = source if isinstance(source, str) else source.read_text()
            (work / f"source{index}.v").write_text(text)
        names = " ".join(f"source{index}.v" for index in range(len(sources)))
        script = [
            f"read_verilog {names}",
            *([f"hierarchy -top {tops[0]}"] if len(tops) == 1 else []),
            "proc",
            "opt_expr",
            "opt_dff",
            "opt_clean",
            "simplemap",
            "opt_clean",
            "write_json circuit.json",
        ]
        (work / "read.ys").write_text("\n".join(script) + "\n")
        tools.run("yosys", ["-q", "-s", "read.ys"], cwd=work, timeout=timeout, makes=["circuit.json"])
        modules = json.loads((work / "circuit.json").read_text())["modules"]
    missing = [top for top in tops if top not in modules]
    if missing:
        raise UnknownCell(f"no module {missing[0]}")
    return [Circuit(modules[top]) for top in tops]
