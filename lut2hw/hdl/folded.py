"""The engine of a folded core: it runs a program (`lut2hw.fold.program`) on the bits of an example."""

from __future__ import annotations

from amaranth.back import rtlil
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out, connect
from numpy.typing import ArrayLike

from lut2hw.fold.compile import Folded
from lut2hw.fold.program import RESTART, Op, Program, Shape
from lut2hw.hdl.convert import FLAT, VerilogPlatform, from_rtlil
from lut2hw.hdl.layout import (
    LOAD_BITS,
    beats_signature,
    class_enum,
    connect_flat,
    connect_load,
    core_members,
    flat_members,
    hand_on,
    load_members,
)
from lut2hw.logic.port import LOAD_PORTS, TOP

BLOCK = 32
"""Words from which on a memory is in block RAM."""


def _attributes(depth: int, in_block: bool) -> dict[str, int | str]:
    """What synthesis is told of a memory of which no address is read while it is written.

    No logic has to make up for such reads. Left alone, synthesis makes memories that are short or wide or have many
    read ports of flip-flops: an engine of four tables a clock then takes a hundred times the cells.
    """
    return {"no_rw_check": 1, **({"ram_style": "block"} if in_block and depth >= BLOCK else {})}


class Engine(wiring.Component):
    """An engine with its program.

    Parameters
    ----------
    program : Program
        What its memories hold.
    block_ram : bool, default=False
        Whether synthesis is told to keep memories in block RAM (`Target.folds_in_block_ram`).

    Members
    -------
    i : In(beats_signature(lanes))
        Examples, `Shape.beats` beats each.
    o : Out(stream.Signature(answer_bits))
        Answers.
    load : In(stream.Signature(LOAD_BITS))
        Of a reloadable engine: another program, byte after byte, as `Program.to_rows` gives them, to where the one
        that runs is not. A commit takes effect between two examples.
    load_good : Out(1)
        Of a reloadable engine: a whole number of rows has come since the last restart, at least one, not too many.

    A row takes three clocks, one after the other in a pipeline: the first memory of the program is read, then the
    signals and the second memory, then what comes of them is written or added up.
    """

    def __init__(self, program: Program, block_ram: bool = False) -> None:
        self.program, self.block_ram = program, block_ram
        shape = program.shape
        members = {"i": In(beats_signature(shape.lanes)), "o": Out(stream.Signature(shape.answer_bits))}
        super().__init__(members | (load_members() if shape.reloadable else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape, program = self.program.shape, self.program
        depth = max(2, len(program)) if not shape.reloadable else shape.rows
        banks = 1 + shape.reloadable
        whole = 8 if shape.reloadable else 1
        m.submodules.read, m.submodules.look = read, look = [
            memory.Memory(
                shape=-(-width // whole) * whole,
                depth=banks * depth,
                init=init,
                attrs=_attributes(banks * depth, self.block_ram),
            )
            for width, init in ((shape.address_width, program.read), (shape.table_width, program.look))
        ]
        busy, reading, looking = Signal(), Signal(), Signal()
        row, row_read, row_look = (Signal(range(depth), name=name) for name in ("row", "row_read", "row_look"))
        full, done = Signal(), Signal()
        start, stop = Signal(), Signal()
        active = Signal(int(shape.reloadable), reset_less=True)  # the programs outlive a reset, too
        fetch, tables = read.read_port(), look.read_port()
        op = Signal(2)
        m.d.comb += [fetch.addr.eq(Cat(row, active)), tables.addr.eq(Cat(row_read, active)), self.o.valid.eq(done)]
        if shape.reloadable:
            self._load(m, read, look, active, busy)
        m.d.sync += [
            reading.eq(busy & ~stop),
            looking.eq(reading & ~stop),
            row_read.eq(row),
            row_look.eq(row_read),
            op.eq(fetch.data[:2]),
        ]
        with m.If(busy):
            m.d.sync += row.eq(row + 1)
        with m.If(done & self.o.ready):
            m.d.sync += done.eq(0)
        m.d.comb += start.eq(full & ~busy & (~done | self.o.ready))
        with m.If(start):
            m.d.sync += [busy.eq(1), full.eq(0)]
        with m.If(stop):
            m.d.sync += [busy.eq(0), row.eq(0), done.eq(1)]

        write, vote, end, add = (Signal(name=each.name.lower()) for each in (Op.WRITE, Op.VOTE, Op.END, Op.ADD))
        m.d.comb += [each.eq(looking & (op == number)) for number, each in enumerate((write, vote, end, add))]
        m.d.comb += stop.eq(end & tables.data[0])
        if shape.reloadable:  # whatever came in, it ends
            m.d.comb += stop.eq(end & tables.data[0] | looking & row_look.all())
        bits = self._signals(m, fetch.data, tables.data, row_look, write, start, full, busy)
        score = self._score(m, bits, tables.data, vote, end, add)
        self._answer(m, score, start, end)
        return m

    def _load(self, m: Module, read: memory.Memory, look: memory.Memory, active: Signal, busy: Value) -> None:
        """Bytes of another program to the bank that does not run."""
        shape = self.program.shape
        at, row, full = Signal(range(shape.row_bytes)), Signal(range(shape.rows)), Signal()
        restart, commit, byte = self.load.payload[0], self.load.payload[1], self.load.payload[2:]
        taken = self.load.valid & self.load.ready
        first = -(-shape.address_width // 8)
        for part, base in ((read, 0), (look, first)):
            port = part.write_port(granularity=8)
            m.d.comb += [port.addr.eq(Cat(row, ~active)), port.data.eq(byte.replicate(len(port.en)))]
            for lane in range(len(port.en)):
                m.d.comb += port.en[lane].eq(taken & ~restart & ~commit & ~full & (at == base + lane))
        over = Signal()
        m.d.comb += [self.load.ready.eq(~commit | ~busy), self.load_good.eq((at == 0) & (full | (row != 0)) & ~over)]
        with m.If(taken):
            with m.If(restart):
                m.d.sync += [at.eq(0), row.eq(0), full.eq(0), over.eq(0)]
            with m.Elif(commit):
                m.d.sync += active.eq(~active)
            with m.Else():
                m.d.sync += [at.eq(at + 1), over.eq(over | full)]
                with m.If(at == shape.row_bytes - 1):
                    m.d.sync += [at.eq(0), row.eq(row + 1), full.eq(row.all())]

    def _signals(
        self,
        m: Module,
        fetched: Value,
        tables: Value,
        row: Value,
        write: Value,
        start: Value,
        full: Signal,
        busy: Value,
    ) -> list[Value]:
        """The memory of signals, what comes in, and the bit of each lane."""
        shape = self.program.shape
        lane_bits, word_bits = shape.lane_bits, shape.address_bits - shape.lane_bits
        double = int(shape.double)
        depth = 1 << shape.address_bits + double
        m.submodules.signals = signals = memory.Memory(
            shape=1, depth=depth, init=[], attrs=_attributes(depth, self.block_ram)
        )
        bank, turn = Signal(double), Signal(word_bits, init=shape.first_input)
        bits = []
        for lane in range(shape.lanes):
            ports = []
            for j in range(shape.k):
                port = signals.read_port()
                at = 2 + (lane * shape.k + j) * shape.address_bits
                m.d.comb += port.addr.eq(Cat(fetched[at : at + shape.address_bits], bank))
                ports.append(port.data)
            table = tables[lane * shape.lane_width :][: 1 << shape.k]
            bit = Signal(name=f"bit{lane}")
            m.d.comb += bit.eq(table.bit_select(Cat(ports), 1))
            bits.append(bit)
        take, data = Signal(), self.i.payload[RESTART:]
        writes = write if shape.writes else Const(0, 1)
        m.d.comb += [
            self.i.ready.eq(~full & ~writes if shape.double else ~full & ~busy),
            take.eq(self.i.valid & self.i.ready & ~self.i.payload[0]),
        ]
        for lane, bit in enumerate(bits):
            port = signals.write_port()
            word, value = Cat(turn, ~bank), data[lane]
            if shape.writes:
                number = row[:word_bits] if len(row) >= word_bits else Cat(row, Const(0, word_bits - len(row)))
                word, value = Mux(writes, Cat(number, bank), word), Mux(writes, bit, value)
            m.d.comb += [
                port.addr.eq(Cat(Const(lane, lane_bits), word)),
                port.data.eq(value),
                port.en.eq(take | writes),
            ]
        last = turn.all() if word_bits else Const(1, 1)
        with m.If(take):
            m.d.sync += turn.eq(turn + 1)
            with m.If(last):
                m.d.sync += [turn.eq(shape.first_input), full.eq(1)]
        with m.If(self.i.valid & self.i.ready & self.i.payload[0]):
            m.d.sync += turn.eq(shape.first_input)
        if shape.double:
            with m.If(start):
                m.d.sync += bank.eq(~bank)
        return bits

    def _score(self, m: Module, bits: list[Value], tables: Value, vote: Value, end: Value, add: Value) -> Signal:
        """The score under way."""
        shape = self.program.shape
        score = Signal(shape.score_bits)
        weighted: list[Value] = []
        for lane, bit in enumerate(bits):
            at = lane * shape.lane_width + (1 << shape.k)
            weight = tables[at : at + shape.weight_bits]
            weighted.append(Mux(bit, weight, 0) if shape.weight_bits else bit)
        more = sum(weighted[1:], weighted[0])
        if shape.adds:
            more = Mux(add, tables[: shape.score_bits], more)
        with m.If(vote | add if shape.adds else vote):
            m.d.sync += score.eq(score + more)
        with m.If(end):
            m.d.sync += score.eq(0)
        return score

    def _answer(self, m: Module, score: Signal, start: Value, end: Value) -> None:
        """What the ends of scores leave, and the output."""
        shape = self.program.shape
        parts = {place.part for place in shape.answer}
        value = score.as_signed() if shape.signed else score
        scores, labels = Signal(shape.score_bits * shape.scores), Signal(shape.scores)
        number: Value = Const(0, 1)
        margin: Value = Const(0, 1)
        rivals = shape.reject or "margin" in parts
        if shape.kind == "argmax" and parts & {"class", "margin"}:
            best, second = (Signal(value.shape(), name=name) for name in ("best", "second"))
            turn, winner = Signal(range(shape.scores)), Signal(range(shape.scores))
            first = turn == 0
            wins = first | (value > best)
            with m.If(end):
                m.d.sync += turn.eq(turn + 1)
                with m.If(wins):
                    m.d.sync += [best.eq(value), winner.eq(turn)]
                    if rivals:
                        m.d.sync += second.eq(best)
                if rivals:
                    with m.Elif((turn == 1) | (value > second)):
                        m.d.sync += second.eq(value)
            with m.If(start):
                m.d.sync += turn.eq(0)
            number, margin = winner, (best - second)
        elif shape.kind != "argmax":
            sign = Signal()
            kept = Signal(value.shape(), name="kept")
            with m.If(end):
                m.d.sync += [sign.eq(value < 0), kept.eq(value)]
            number = ~sign
            margin = Mux(sign, ~kept, kept)
        if shape.reject:
            none = shape.scores if shape.kind == "argmax" else 2
            number = Mux(margin < shape.reject, none, number)
        if "score" in parts:
            with m.If(end):
                m.d.sync += scores.eq(Cat(scores, score)[shape.score_bits :])
        if "label" in parts:
            with m.If(end):
                m.d.sync += labels.eq(Cat(labels, ~score[-1])[1:])
        out = []
        for place in shape.answer:
            field = Signal(place.width, name=f"answer{place.offset}")
            if place.part == "class":
                source: Value = number
            elif place.part == "margin":
                source = margin
            elif place.part == "label":
                source = labels[place.number]
            else:
                source = scores.word_select(place.number, shape.score_bits)
                source = source.as_signed() if shape.signed else source
            m.d.comb += field.eq(source)
            out.append(field)
        m.d.comb += self.o.payload.eq(Cat(out))


class Beats(wiring.Component):
    """Whole examples in, the beats of a folded core out.

    Parameters
    ----------
    width : int
        Bits of an example.
    shape : Shape
        Of the engine.

    Members
    -------
    i : In(stream.Signature(width))
        Examples.
    o : Out(beats_signature(lanes))
        Their beats.
    """

    def __init__(self, width: int, shape: Shape) -> None:
        self._width, self._shape = width, shape
        super().__init__({"i": In(stream.Signature(width)), "o": Out(beats_signature(shape.lanes))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, beats = self._shape.lanes, self._shape.beats
        example = Signal(lanes * beats)
        left = Signal(range(beats + 1))
        m.d.comb += [
            self.i.ready.eq(left == 0),
            self.o.valid.eq(left != 0),
            self.o.payload.eq(Cat(Const(0, RESTART), example[:lanes])),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [example.eq(example[lanes:]), left.eq(left - 1)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [example.eq(self.i.payload), left.eq(beats)]
        return m


class Widened(wiring.Component):
    """A folded core that takes whole examples, as cores do that are not folded.

    Parameters
    ----------
    core : wiring.Component
        With stream `i` of beats, and `o`.
    shape : Shape
        Of its engine.
    members : dict of str to wiring.Member
        Streams `i` and `o`.
    """

    def __init__(self, core: wiring.Component, shape: Shape, members: dict[str, wiring.Member]) -> None:
        self._core, self._shape = core, shape
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = self._core
        if hasattr(self, "load"):
            connect_load(m, self, core)
        m.submodules.beats = beats = Beats(len(Value.cast(self.i.payload)), self._shape)
        connect(m, beats.o, core.i)
        hand_on(m, self.i, beats.i)
        hand_on(m, core.o, self.o)
        return m


class FoldedCore(Widened):
    """A folded network between two streams, as `lut2hw.hdl.core.Core` is one that is not folded.

    Parameters
    ----------
    folded : Folded
        What `lut2hw.fold.compile.fold_network` returns.
    fields : bool
        Payloads are a structure and an enumeration; else plain vectors of the same bits.

    Attributes
    ----------
    folded : Folded
        As given.
    latency : int
        Clocks from an example to its answer while nothing stalls.
    classes : amaranth.lib.enum.EnumType or None
        The classes; None where the answer is numbers or labels.

    Members
    -------
    i, o
        Examples and answers, as those of `Core`. An example is taken every `folded.program.clocks` clocks at most.
    """

    def __init__(self, folded: Folded, *, fields: bool = True) -> None:
        self.folded = folded
        shape, names = folded.program.shape, folded.network.answer_names
        self.latency = folded.latency + shape.beats
        self.classes = class_enum(names) if names else None
        members = core_members(folded.input_port, folded.output_port, names, fields=fields)
        super().__init__(Engine(folded.program, folded.target.folds_in_block_ram), shape, members)

    def payloads(self, x: ArrayLike) -> list[dict[str, int]]:
        """Raw features (n, n_features), as `LutNetwork.predict` takes them, to n values for `i.payload`.

        Parameters
        ----------
        x : ArrayLike
            Raw features (n, n_features).
        """
        network = self.folded.network
        return self.folded.input_port.values_of(network, network.features.integers_of(x))


class _FlatEngine(wiring.Component):
    """An engine whose ports have names of their own instead of those that Amaranth makes of a stream's."""

    def __init__(self, program: Program, block_ram: bool) -> None:
        self.program, self.block_ram = program, block_ram
        members = flat_members(RESTART + program.shape.lanes, program.shape.answer_bits)
        if program.shape.reloadable:
            for part, name in LOAD_PORTS.items():
                members[name] = Out(1) if part in ("ready", "good") else In(LOAD_BITS if part == "payload" else 1)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.engine = engine = Engine(self.program, self.block_ram)
        connect_flat(m, self, engine)
        if self.program.shape.reloadable:
            for part in ("payload", "valid"):
                m.d.comb += getattr(engine.load, part).eq(getattr(self, LOAD_PORTS[part]))
            m.d.comb += [
                getattr(self, LOAD_PORTS["ready"]).eq(engine.load.ready),
                getattr(self, LOAD_PORTS["good"]).eq(engine.load_good),
            ]
        return m


def to_verilog(program: Program, block_ram: bool = False) -> str:
    """Verilog of an engine with its program, module `TOP`; the same program gives the same text.

    Parameters
    ----------
    program : Program
        What its memories hold.
    block_ram : bool, default=False
        As of `Engine`.

    Raises
    ------
    ToolError
        If yosys fails.
    """
    design = rtlil.convert(_FlatEngine(program, block_ram), name=TOP, platform=VerilogPlatform(), emit_src=False)
    return from_rtlil(str(design), FLAT)
