"""VHDL of a core: entity and architecture over the family's primitives, and a package with its ports as records.

The same netlist gives the same text as often as it is asked for. It is VHDL-93, so that every tool takes it. Source
of the rules for identifiers: IEEE 1076, 15.4; of keywords: 15.10 with those of PSL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from lut2hw.choices import Interface, Language
from lut2hw.errors import UsageError
from lut2hw.logic.netlist import CONST0, CONST1, Netlist
from lut2hw.logic.port import (
    CLOCK_PORT,
    INPUT,
    OUTPUT,
    RESET_PORT,
    TOP,
    Field,
    InputPort,
    OutputPort,
    identifiers,
    ports_of,
)
from lut2hw.targets.base import CLOCK, ENABLE, OPEN, Instance, Target, template_text

PACKAGE, RECORDS = f"{TOP}_pkg", f"{TOP}_records"
"""The package, and the entity whose ports are records."""

_KEYWORDS = frozenset(
    """abs access after alias all and architecture array assert assume assume_guarantee attribute begin block body
    buffer bus case component configuration constant context cover default disconnect downto else elsif end entity
    exit fairness file for force function generate generic group guarded if impure in inertial inout is label library
    linkage literal loop map mod nand new next nor not null of on open or others out package parameter port postponed
    procedure process property protected pure range record register reject release rem report restrict
    restrict_guarantee return rol ror select sequence severity shared signal sla sll sra srl strong subtype then to
    transport type unaffected units until use variable view vmode vprop vunit wait when while with xnor xor""".split()
)


def vhdl_names(names: Sequence[str], prefix: str) -> tuple[str, ...]:
    """Names as identifiers in VHDL, different from each other in any case of letters.

    Parameters
    ----------
    names : sequence of str
        Any text.
    prefix : str
        Before a name that begins with no letter or is a keyword.

    Returns
    -------
    tuple of str
        One for each name: letters, digits and single underscores between them.
    """
    out: list[str] = []
    taken: set[str] = set()
    for name in identifiers(names, prefix):
        plain = re.sub(r"_+", "_", name).strip("_")
        if plain.lower() in _KEYWORDS:
            plain = f"{prefix}_{plain}"
        new, number = plain, 1
        while new.lower() in taken:
            number += 1
            new = f"{plain}_{number}"
        taken.add(new.lower())
        out.append(new)
    return tuple(out)


def _vector(width: int) -> str:
    return f"std_logic_vector({width - 1} downto 0)"


def _literal(value: int, width: int) -> str:
    """A bit string of that width."""
    return f'X"{value:0{width // 4}X}"' if width % 4 == 0 else f'"{value:0{width}b}"'


def _generic(name: str, value: tuple[int, int] | str) -> tuple[str, str]:
    """Type and value of a primitive's generic: texts, tables as vectors of bits, and numbers."""
    if isinstance(value, str):
        return "string", f'"{value}"'
    number, width = value
    if "INIT" in name:
        return f"bit_vector({width - 1} downto 0)", _literal(number, width)
    return "integer", str(number)


def port_list(input_width: int, output_width: int, *, clocked: bool, interface: str) -> list[str]:
    """Declarations of the ports of a core in VHDL.

    Parameters
    ----------
    input_width, output_width : int
        Bits of the two payloads.
    clocked : bool
        Whether there are clock and reset.
    interface : str
        Of `lut2hw.choices.Interface`.
    """
    into, out = ports_of(interface)
    declared = [f"{name} : in std_logic" for name in (CLOCK_PORT, RESET_PORT)] if clocked else []
    for ports, width, way, back in ((into, input_width, "in", "out"), (out, output_width, "out", "in")):
        for part, name in ports.items():
            shape = _vector(max(1, width)) if part == "payload" else "std_logic"
            declared.append(f"{name} : {back if part == 'ready' else way} {shape}")
    return declared


@dataclass
class _Component:
    """What is known of a primitive from its instances: types of generics, ports of each direction with their widths
    (0 of a single bit)."""

    generics: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)

    def add(self, instance: Instance) -> None:
        """Take notice of an instance."""
        self.generics |= {name: _generic(name, value)[0] for name, value in instance.parameters.items()}
        for known, ports in ((self.inputs, instance.inputs), (self.outputs, instance.outputs)):
            known |= {name: 0 if isinstance(nets, int) else len(nets) for name, nets in ports.items()}

    def declaration(self, name: str) -> Iterator[str]:
        """The lines of its component declaration."""
        yield f"    component {name} is"
        if self.generics:
            yield f"        generic ({'; '.join(f'{key} : {kind}' for key, kind in self.generics.items())});"
        ports = [
            f"{port} : {way} {_vector(width) if width else 'std_logic'}"
            + ("" if width or way == "out" else " := '0'")
            for way, ports in (("in", self.inputs), ("out", self.outputs))
            for port, width in ports.items()
        ]
        yield "        port ("
        yield ";\n".join(f"            {port}" for port in ports)
        yield "        );"
        yield "    end component;"


def vhdl_models(target: Target) -> str:
    """VHDL that simulates the family's primitives.

    Parameters
    ----------
    target : Target
        The family.
    """
    there = {item.name for item in resources.files("lut2hw.hdl_templates").iterdir()}
    names = ["common_models.vhd", *(f"{Path(name).stem}.vhd" for name in target.plain_models)]
    return "\n".join(template_text(name) for name in names if name in there)


def to_vhdl(netlist: Netlist, *, latency: int, target: Target, interface: str = Interface.STREAM) -> str:
    """VHDL of the core, entity `TOP`; no paths and no time in it, so the same netlist gives the same text.

    Parameters
    ----------
    netlist : Netlist
        What `compile_network` returned, or a bare netlist.
    latency : int
        Registers from input to output.
    target : Target
        The family.
    interface : str
        Of `lut2hw.choices.Interface`.

    Raises
    ------
    UsageError
        For block RAM of a family whose primitive has no VHDL here.
    """
    return "\n".join(_lines(netlist, latency, target, interface)) + "\n"


def _lines(netlist: Netlist, latency: int, target: Target, interface: str) -> Iterator[str]:
    bare = interface == Interface.BARE
    into, out = ports_of(interface)
    instances = [None if cell.kind == "ff" else target.primitive(cell) for cell in netlist.cells]
    components: dict[str, _Component] = {}
    for instance in instances:
        if instance is not None:
            components.setdefault(instance.module, _Component()).add(instance)
    described = re.findall(r"^entity (\w+) is$", vhdl_models(target), re.MULTILINE)
    if components.keys() - set(described):
        raise UsageError(
            f"there is no VHDL of {target.name}'s block RAM; leave --ram auto out, or --language at verilog"
        )

    nets: dict[int, str] = {CONST0: "'0'", CONST1: "'1'", CLOCK: CLOCK_PORT, ENABLE: "'1'" if bare else "advance"}
    nets |= {net: f"{into['payload']}({bit})" for bit, net in enumerate(netlist.inputs[INPUT])}
    signals = []
    for cell in netlist.cells:
        for net in cell.outputs:
            nets[net] = f"{'q' if netlist.kinds[cell.kind].registered else 'n'}{net}"
            signals.append(nets[net])
    unread = [
        f"open_{number}_{at}"
        for number, instance in enumerate(instances)
        if instance is not None
        for ports in instance.outputs.values()
        if not isinstance(ports, int)
        for at, net in enumerate(ports)
        if net == OPEN
    ]

    yield "library ieee;"
    yield "use ieee.std_logic_1164.all;"
    yield ""
    yield f"entity {TOP} is"
    yield "    port ("
    declared = port_list(
        len(netlist.inputs[INPUT]), len(netlist.outputs[OUTPUT]), clocked=latency > 0, interface=interface
    )
    yield ";\n".join(f"        {port}" for port in declared)
    yield "    );"
    yield f"end entity {TOP};"
    yield ""
    yield f"architecture primitives of {TOP} is"
    for name, component in sorted(components.items()):
        yield from component.declaration(name)
    if not bare:
        yield "    signal advance : std_logic;"
    if latency:
        yield f"    signal stages : {_vector(latency)} := (others => '0');"
    for at in range(0, len(signals + unread), 8):
        yield f"    signal {', '.join((signals + unread)[at : at + 8])} : std_logic;"
    yield "begin"
    if latency:
        yield f"    {out['valid']} <= stages({latency - 1});"
        if not bare:
            yield f"    advance <= {out['ready']} or not stages({latency - 1});"
    else:
        yield f"    {out['valid']} <= {into['valid']};"
        if not bare:
            yield f"    advance <= {out['ready']};"
    if not bare:
        yield f"    {into['ready']} <= advance;"
    for bit, net in enumerate(netlist.outputs[OUTPUT]):
        yield f"    {out['payload']}({bit}) <= {nets[net]};"
    for number, (cell, instance) in enumerate(zip(netlist.cells, instances, strict=True)):
        if instance is not None:
            yield from _instance(f"{cell.kind}_{number}", number, instance, nets)
    if latency:
        yield f"    process ({CLOCK_PORT})"
        yield "    begin"
        yield f"        if rising_edge({CLOCK_PORT}) then"
        indent = "            "
        if not bare:
            yield f"{indent}if advance = '1' then"
            indent += "    "
        yield f"{indent}stages(0) <= {into['valid']};"
        if latency > 1:
            yield f"{indent}stages({latency - 1} downto 1) <= stages({latency - 2} downto 0);"
        for cell in netlist.cells:
            if cell.kind == "ff":
                yield f"{indent}{nets[cell.outputs[0]]} <= {nets[cell.inputs[0]]};"
        if not bare:
            yield "            end if;"
        yield f"            if {RESET_PORT} = '1' then"
        yield "                stages <= (others => '0');"
        yield "            end if;"
        yield "        end if;"
        yield "    end process;"
    yield "end architecture primitives;"


def _instance(label: str, number: int, instance: Instance, nets: Mapping[int, str]) -> Iterator[str]:
    yield f"    {label} : {instance.module}"
    if instance.parameters:
        generics = ", ".join(f"{name} => {_generic(name, value)[1]}" for name, value in instance.parameters.items())
        yield f"        generic map ({generics})"
    pairs = []
    for name, port in (*instance.inputs.items(), *instance.outputs.items()):
        if isinstance(port, int):
            pairs.append(f"{name} => {nets[port]}")
        else:
            pairs += [
                f"{name}({at}) => {f'open_{number}_{at}' if net == OPEN else nets[net]}"
                for at, net in enumerate(port)
            ]
    yield f"        port map ({', '.join(pairs)});"


def package(
    port: InputPort,
    output: OutputPort,
    class_names: Sequence[str],
    *,
    latency: int,
    interface: str = Interface.STREAM,
    language: str = Language.VERILOG,
) -> str:
    """VHDL around a core in either language: a package, and an entity with records for ports.

    The package has the latency, widths and class numbers as constants, the features and the answer as records with
    functions between records and vectors, and the component of the core, which may be VHDL or Verilog.

    Parameters
    ----------
    port : InputPort
        What the core reads.
    output : OutputPort
        What it puts out.
    class_names : sequence of str
        In the order of the class numbers; none of a model whose answer is numbers or labels.
    latency : int
        Clocks from an example to its answer.
    interface : str
        Of `lut2hw.choices.Interface`.
    language : str
        Of the core: one in VHDL is instantiated as an entity of ``work``, one in Verilog as a component.
    """
    return "\n".join(_package_lines(port, output, class_names, latency, interface, language)) + "\n"


def _shape(of: Field) -> str:
    return f"{'signed' if of.signed else 'unsigned'}({of.width - 1} downto 0)"


def _package_lines(
    port: InputPort, output: OutputPort, class_names: Sequence[str], latency: int, interface: str, language: str
) -> Iterator[str]:
    into, out = ports_of(interface)
    features = vhdl_names([item.name for item in port.fields], "feature")
    answers = vhdl_names([item.name for item in output.fields], "answer")
    classes = [f"CLASS_{name}" for name in vhdl_names(class_names, "number")]
    width, answer_width = max(1, port.width), output.width
    yield "library ieee;"
    yield "use ieee.std_logic_1164.all;"
    yield "use ieee.numeric_std.all;"
    yield ""
    yield f"package {PACKAGE} is"
    yield f"    constant LATENCY : natural := {latency};"
    yield f"    constant INPUT_WIDTH : positive := {width};"
    yield f"    constant OUTPUT_WIDTH : positive := {answer_width};"
    for number, name in enumerate(classes):
        yield f"    constant {name} : natural := {number};"
    for record, names, fields in (("features_t", features, port.fields), ("answer_t", answers, output.fields)):
        yield f"    type {record} is record"
        for name, item in zip(names, fields, strict=True):
            yield f"        {name} : {_shape(item)};"
        if not fields:
            yield "        unused : std_logic;"
        yield "    end record;"
    yield "    function to_payload(features : features_t) return std_logic_vector;"
    yield "    function to_answer(payload : std_logic_vector) return answer_t;"
    yield f"    component {TOP} is"
    yield "        port ("
    yield ";\n".join(
        f"            {name}"
        for name in port_list(port.width, answer_width, clocked=latency > 0, interface=interface)
    )
    yield "        );"
    yield "    end component;"
    yield f"end package {PACKAGE};"
    yield ""
    yield f"package body {PACKAGE} is"
    yield "    function to_payload(features : features_t) return std_logic_vector is"
    yield f"        variable payload : {_vector(width)} := (others => '0');"
    yield "    begin"
    for name, item in zip(features, port.fields, strict=True):
        yield (
            f"        payload({item.offset + item.width - 1} downto {item.offset}) := "
            f"std_logic_vector(features.{name});"
        )
    yield "        return payload;"
    yield "    end function;"
    yield "    function to_answer(payload : std_logic_vector) return answer_t is"
    yield f"        alias word : {_vector(answer_width)} is payload;"
    yield "        variable answer : answer_t;"
    yield "    begin"
    for name, item in zip(answers, output.fields, strict=True):
        kind = "signed" if item.signed else "unsigned"
        yield f"        answer.{name} := {kind}(word({item.offset + item.width - 1} downto {item.offset}));"
    yield "        return answer;"
    yield "    end function;"
    yield f"end package body {PACKAGE};"
    yield ""
    yield "library ieee;"
    yield "use ieee.std_logic_1164.all;"
    yield f"use work.{PACKAGE}.all;"
    yield ""
    yield f"entity {RECORDS} is"
    yield "    port ("
    declared = [f"{name} : in std_logic" for name in (CLOCK_PORT, RESET_PORT)] if latency else []
    declared += ["features : in features_t", "features_valid : in std_logic"]
    declared += [] if "ready" not in into else ["features_ready : out std_logic"]
    declared += ["answer : out answer_t", "answer_valid : out std_logic"]
    declared += [] if "ready" not in out else ["answer_ready : in std_logic"]
    yield ";\n".join(f"        {name}" for name in declared)
    yield "    );"
    yield f"end entity {RECORDS};"
    yield ""
    yield f"architecture around of {RECORDS} is"
    yield f"    signal example : {_vector(width)};"
    yield f"    signal word : {_vector(answer_width)};"
    yield "begin"
    yield "    example <= to_payload(features);"
    yield "    answer <= to_answer(word);"
    yield f"    core : {'entity work.' if language == Language.VHDL else ''}{TOP}"
    pairs = [f"{name} => {name}" for name in (CLOCK_PORT, RESET_PORT)] if latency else []
    for ports, wire, side in ((into, "example", "features"), (out, "word", "answer")):
        pairs += [f"{name} => {wire if part == 'payload' else f'{side}_{part}'}" for part, name in ports.items()]
    yield "        port map ("
    yield ",\n".join(f"            {pair}" for pair in pairs)
    yield "        );"
    yield "end architecture around;"
