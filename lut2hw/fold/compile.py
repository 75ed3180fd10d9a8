"""From a LutNetwork to a program: comparators and tables as rows that write, votes as rows in runs by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lut2hw.compile import lower
from lut2hw.compile.dont_cares import Examples, use_dont_cares
from lut2hw.compile.options import FOLDS, CompileOptions
from lut2hw.errors import UsageError
from lut2hw.fold.program import DISTANCE, MAX_ADDRESS, MAX_ROWS, Op, Program, Row, Shape, places_of
from lut2hw.logic import truth
from lut2hw.logic.graph import Graph
from lut2hw.logic.port import InputPort, OutputPort
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head
from lut2hw.passes.merge import merge
from lut2hw.passes.tables import map_tables
from lut2hw.targets.base import Target

MOST_INPUTS = 8
"""Of a table in a program; wider ones are taken apart."""
LEAST_INPUTS = 4
LEAST_ROWS = 256
"""Of an engine that takes other programs."""
USUAL_CLOCK = 25.0
"""MHz that an engine is taken to reach where nobody says."""


@dataclass(frozen=True)
class Folded:
    """A network as a program of a folded core."""

    network: LutNetwork
    """The golden model, after any change of don't-cares."""
    program: Program
    """What the engine runs."""
    target: Target
    """The family."""
    input_port: InputPort
    """Layout of an example, which comes in beats of as many bits as there are lanes, bit 0 first."""
    options: CompileOptions = field(default_factory=CompileOptions)
    """What was asked for."""

    @property
    def latency(self) -> int:
        """Clocks from the last beat of an example to its answer."""
        return self.program.latency

    @property
    def output_port(self) -> OutputPort:
        """Layout of the answers."""
        return OutputPort.of(self.network, self.options.outputs)

    @property
    def core_output(self) -> OutputPort:
        """The same; a folded core has no front end, and so no detector behind it."""
        return self.output_port


def fold_network(
    network: LutNetwork,
    target: Target,
    options: CompileOptions | None = None,
    *,
    data: Examples | None = None,
    engine: Shape | None = None,
    **changes: Any,
) -> Folded:
    """Make the program of a network; on every input it answers as the network in the result.

    Parameters
    ----------
    network : LutNetwork
        What to compile.
    target : Target
        The FPGA family.
    options : CompileOptions, optional
        How; `fold` says how many tables a clock, or "auto": the fewest that make `rate` examples a second at `fmax`.
    data : Examples, optional
        As for `lut2hw.compile.compiler.compile_network`.
    engine : Shape, optional
        Make a program for this engine, which is reloadable, instead of one for an engine of its own.
    **changes
        Fields of `CompileOptions` in place of those in `options`.

    Returns
    -------
    Folded
        The program with its ports, and the network that it equals.

    Raises
    ------
    UsageError
        For options that make no sense for the network, a rate that no number of lanes reaches, or a model that does
        not fit the engine.
    """
    options = replace(options or CompileOptions(), **changes)
    if options.fold is None:
        raise UsageError("fold says how many tables a folded core looks up a clock; give it, or auto")
    if not target.deepest_ram:
        raise UsageError(
            f"a folded core keeps its program in block RAM, which is not used of {target.name}; emit for another "
            "family, or leave --fold out"
        )
    target.device(options.device)
    output = OutputPort.of(network, options.outputs)
    network = use_dont_cares(network, options.dont_cares, target.lut_inputs, data)
    tables = lower.tables(network)
    widest = max((len(cell.inputs) for cell in tables.cells), default=0)
    k = min(max(widest, LEAST_INPUTS), MOST_INPUTS) if engine is None else engine.k
    read = lower.bits_read(tables)
    encoded = options.encoded_inputs
    port = (
        InputPort.whole(network, encoded=encoded)
        if options.reloadable
        else InputPort.of(network, read, encoded=encoded)
    )
    graph = Graph()
    literals = lower.code(graph, network, port, read, k)
    graph.outputs["votes"] = graph.place(map_tables(tables, k), {lower.BITS: literals})[lower.VOTES]
    graph = Graph.of(merge(graph.netlist(), k))
    forms = linear_forms(network.head, graph.outputs["votes"], exact=bool(output.scores))
    lanes = list(FOLDS) if options.fold == "auto" else [int(options.fold)]
    if lanes[0] > target.most_lanes:
        raise UsageError(f"a folded core for {target.name} looks up {target.most_lanes} table a clock; give --fold 1")
    lanes = [each for each in lanes if each <= target.most_lanes]
    if engine is not None:
        program = _program(graph, forms, network, port, output, k, engine.lanes, target, options, engine)
        return Folded(network, program, target, port, options)
    for each in lanes:
        program = _program(graph, forms, network, port, output, k, each, target, options)
        if options.rate is None or program.clocks * options.rate <= (options.fmax or USUAL_CLOCK) * 1e6:
            return Folded(network, program, target, port, options)
    rate = (options.fmax or USUAL_CLOCK) * 1e6 / program.clocks
    raise UsageError(
        f"{options.rate:g} examples a second are more than a folded core makes of this model at "
        f"{options.fmax or USUAL_CLOCK:g} MHz ({rate:,.0f} with {each} tables a clock); leave --fold out"
    )


@dataclass(frozen=True)
class Form:
    """A score: a number, and for some nodes of a graph what they add to it where they, or their inverses, are one."""

    bias: int
    votes: Mapping[int, int]
    """By literal, at least 1."""

    @property
    def range(self) -> tuple[int, int]:
        """The least and the largest sum on the way from 0 to the score."""
        return min(self.bias, 0), max(self.bias + sum(self.votes.values()), 0)


def linear_forms(head: Head, votes: Sequence[int], *, exact: bool) -> list[Form]:
    """The scores of a head, with weights made positive and votes of one node for one score joined.

    Parameters
    ----------
    head : Head
        Of the model.
    votes : sequence of int
        Literal of each of the head's signals.
    exact : bool
        Scores must be what they are; else the scores of classes all may change by the same.
    """
    if head.kind == "bit":  # the sign of the vote less one
        head, exact = replace(head, bias=head.bias - 1), True
    bias = head.bias.tolist()
    weights: list[dict[int, int]] = [{} for _ in bias]
    for literal, c, weight in zip(votes, head.class_of.tolist(), head.weight.tolist(), strict=True):
        if literal & 1:  # weight * (1 - x)
            bias[c] += weight
            weight = -weight
        if literal > 1:
            weights[c][literal & ~1] = weights[c].get(literal & ~1, 0) + weight
    forms = []
    for number, of in zip(bias, weights, strict=True):
        positive = {literal | (weight < 0): abs(weight) for literal, weight in of.items() if weight}
        forms.append(Form(number + sum(weight for weight in of.values() if weight < 0), positive))
    if head.kind == "argmax" and not exact:
        least = min(form.bias for form in forms)
        forms = [replace(form, bias=form.bias - least) for form in forms]
    return forms


def _program(
    graph: Graph,
    forms: Sequence[Form],
    network: LutNetwork,
    port: InputPort,
    output: OutputPort,
    k: int,
    lanes: int,
    target: Target,
    options: CompileOptions,
    engine: Shape | None = None,
) -> Program:
    stored = _stored(graph, forms)
    order, written = _schedule(graph, stored, lanes)
    beats = -(-max(1, port.width) // lanes)
    lane_bits = (lanes - 1).bit_length()
    address_bits = lane_bits + max((len(order) + beats - 1).bit_length(), 0)
    address_bits = max(address_bits, lane_bits + 1)
    low, high = min(form.range[0] for form in forms), max(form.range[1] for form in forms)
    by_sign = network.head.kind != "argmax"
    is_signed = low < 0 or by_sign or any(field.signed for field in output.scores)
    weight = max((weight for form in forms for weight in form.votes.values()), default=1)
    shape = Shape(
        k=k,
        lanes=lanes,
        address_bits=address_bits,
        beats=beats,
        double=2 << address_bits <= target.deepest_ram,
        writes=bool(order),
        weight_bits=0 if weight == 1 else weight.bit_length(),
        score_bits=max(high.bit_length(), (-low - 1).bit_length() if low else 0, 1) + is_signed,
        signed=is_signed,
        adds=any(form.bias for form in forms),
        rows=MAX_ROWS,
        kind=network.head.kind,
        scores=len(forms),
        reject=network.head.reject,
        answer=places_of(output),
    )
    if options.reloadable and engine is None:
        voting = sum(-(-len(form.votes) // lanes) + bool(form.bias) + 1 for form in forms)
        shape = _roomy(shape, len(order) + voting, target)
    if engine is not None:
        _check_fits(shape, engine, len(order))
        shape = engine
    address_bits = shape.address_bits
    if address_bits > MAX_ADDRESS:
        raise UsageError("the model has more signals than a folded core holds; leave --fold out")
    places = {2 * node: (row << lane_bits) + lane for node, (row, lane) in written.items()}
    first = shape.first_input << lane_bits
    [inputs] = graph.inputs.values()
    places |= {literal: first + bit for bit, literal in enumerate(inputs)}

    def lookup(literals: Sequence[int], table: int) -> tuple[tuple[int, ...], int]:
        """Addresses and table of as many inputs as the engine's have; the others read what the last one does."""
        addresses = [places[literal] for literal in literals] or [first]
        for j in range(len(literals), k):
            table |= table << (1 << j)
        return (*addresses, *[addresses[-1]] * (k - len(addresses))), table

    most_weight = (1 << shape.weight_bits) - 1 if shape.weight_bits else 1

    def node(number: int) -> tuple[tuple[int, ...], int]:
        return lookup(graph.nodes[number].inputs, graph.nodes[number].table)

    rows = [_row(Op.WRITE, [(*node(number), 0) for number in numbers]) for numbers in order]
    for at, form in enumerate(forms):
        if form.bias:
            rows.append(Row(Op.ADD, number=form.bias))
        for votes in _voting(graph, _parts(form, most_weight), written, len(rows), lanes):
            cells = []
            for literal, weight in votes:
                if literal >> 1 in written or graph.nodes[literal >> 1].kind == "input":
                    addresses, table = lookup([literal & ~1], 0b10)
                else:
                    addresses, table = node(literal >> 1)
                cells.append((addresses, table ^ (truth.full(k) if literal & 1 else 0), weight))
            rows.append(_row(Op.VOTE, cells))
        rows.append(Row(Op.END, last=at == len(forms) - 1))
    most = shape.rows
    if len(rows) > most:
        what = "a folded core" if engine is None else "the engine"
        raise UsageError(f"the program has {len(rows):,} rows, {what} at most {most:,}; use fewer LUTs")
    return Program.of(shape if options.reloadable else replace(shape, rows=len(rows)), rows)


def _roomy(shape: Shape, rows: int, target: Target) -> Shape:
    """The shape of an engine with room for other programs: the next power of two of rows, all kinds of them."""
    rows = max(LEAST_ROWS, 1 << (rows - 1).bit_length())
    address_bits = shape.lane_bits + (shape.beats + min(rows, MAX_ROWS) - 1).bit_length()
    most = rows * shape.lanes * ((1 << shape.weight_bits) - 1 if shape.weight_bits else 1)
    return replace(
        shape,
        address_bits=address_bits,
        double=2 << address_bits <= target.deepest_ram,
        writes=True,
        adds=True,
        signed=True,
        score_bits=min(max(shape.score_bits, most.bit_length() + 1), 64),
        rows=rows,
        reloadable=True,
    )


def _check_fits(shape: Shape, engine: Shape, written: int) -> None:
    """Raise `UsageError` if programs of a shape do not fit an engine."""
    if not engine.reloadable:
        raise UsageError("the core takes no other program; emit it with --reloadable")
    for name in ("kind", "scores", "reject", "answer"):
        if getattr(shape, name) != getattr(engine, name):
            raise UsageError("the model's answers are not of the kind that the core gives; build it for this model")
    if shape.beats != engine.beats:
        raise UsageError("the model reads other features than the core; build it for this model")
    if shape.score_bits - shape.signed > engine.score_bits - 1:
        raise UsageError("the model's scores are larger than the core's registers; build it for this model")
    if written > engine.first_input:
        raise UsageError("the model has more hidden LUTs and comparators than the core has room for; use fewer")


def _row(op: Op, cells: Sequence[tuple[tuple[int, ...], int, int]]) -> Row:
    """A row of addresses, table and weight for each lane."""
    addresses, tables, weights = (tuple(each[part] for each in cells) for part in range(3))
    return Row(op, addresses, tables, weights)  # type: ignore[arg-type]


def _stored(graph: Graph, forms: Sequence[Form]) -> set[int]:
    """LUTs that other LUTs read."""
    stored: set[int] = set()
    todo = [literal >> 1 for form in forms for literal in form.votes]
    seen = set(todo)
    while todo:
        node = graph.nodes[todo.pop()]
        for literal in node.inputs:
            if graph.nodes[literal >> 1].kind == "lut":
                stored.add(literal >> 1)
                if literal >> 1 not in seen:
                    seen.add(literal >> 1)
                    todo.append(literal >> 1)
    return stored


def _schedule(graph: Graph, stored: set[int], lanes: int) -> tuple[list[list[int]], dict[int, tuple[int, int]]]:
    """Rows of stored LUTs, each row `DISTANCE` after those it reads, and where each LUT goes (row, lane).

    List scheduling: of the LUTs that can come those first which most others wait for, one after the other (T. C. Hu,
    "Parallel sequencing and assembly line problems", Operations Research 9(6), 1961).
    """
    needs = {
        number: [literal >> 1 for literal in graph.nodes[number].inputs if literal >> 1 in stored]
        for number in sorted(stored)
    }
    readers: dict[int, list[int]] = {number: [] for number in needs}
    for number, drivers in needs.items():
        for driver in drivers:
            readers[driver].append(number)
    urgent: dict[int, int] = {}
    for number in sorted(stored, reverse=True):
        urgent[number] = 1 + max((urgent[reader] for reader in readers[number]), default=0)
    waits = {number: len(drivers) for number, drivers in needs.items()}
    ready: dict[int, list[int]] = {0: [number for number, count in waits.items() if not count]}
    order: list[list[int]] = []
    written: dict[int, tuple[int, int]] = {}
    able: list[int] = []
    while len(written) < len(stored):
        at = len(order)
        able = sorted(able + ready.pop(at, []), key=lambda number: (-urgent[number], number))
        chosen, able = able[:lanes], able[lanes:]
        for lane, number in enumerate(chosen):
            written[number] = at, lane
            for reader in readers[number]:
                waits[reader] -= 1
                if not waits[reader]:
                    ready.setdefault(at + DISTANCE, []).append(reader)
        order.append(chosen)
    return order, written


def _parts(form: Form, most: int) -> list[tuple[int, int]]:
    """The votes of a score, one of more weight than an engine knows in parts."""
    return [
        (literal, min(most, weight - done))
        for literal, weight in form.votes.items()
        for done in range(0, weight, most)
    ]


def _voting(
    graph: Graph, votes: Sequence[tuple[int, int]], written: Mapping[int, tuple[int, int]], start: int, lanes: int
) -> Iterator[list[tuple[int, int]]]:
    """Votes of a score row by row, none before what it reads is written; empty rows only where all have to wait."""

    def since(literal: int) -> int:
        number = literal >> 1
        reads = [number] if number in written else [each >> 1 for each in graph.nodes[number].inputs]
        return max((written[each][0] + DISTANCE for each in reads if each in written), default=0)

    left = sorted(votes, key=lambda vote: (since(vote[0]), vote))
    at = start
    while left:
        count = sum(since(literal) <= at for literal, _ in left[:lanes])
        yield left[:count]
        left, at = left[count:], at + 1
