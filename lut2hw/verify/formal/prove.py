"""Engine `formal`: the core equals the golden model on all inputs and under every pattern of stalls and resets.

Three steps. First the structure: every register shares one clock; the data registers share one enable and are in as
many ranks on every path as the latency says. Such a pipeline answers, `latency` enabled clocks later, what its logic
with transparent registers answers at once. Then both that logic and the control (the enable, ready, valid, and the
next state of every valid bit) become one and-inverter graph, the behavioural model of `verify.aig` and the
documented handshake another, and ABC (R. Brayton, A. Mishchenko, "ABC: An Academic Industrial-Strength Verification
Tool", CAV 2010) proves the two equal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits, tools
from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.vectors import Vectors, packed_port
from lut2hw.hdl.core import to_verilog
from lut2hw.logic import aig as model
from lut2hw.logic.aig import FALSE, TRUE, Aig, Classes, cut
from lut2hw.logic.equivalence import distinguish, equal
from lut2hw.logic.port import InputPort, OutputPort
from lut2hw.model.network import LutNetwork
from lut2hw.targets.registry import get
from lut2hw.verify.formal import circuit as hardware
from lut2hw.verify.formal.adders import CircuitAdders
from lut2hw.verify.formal.circuit import Bit, Circuit, UnknownCell
from lut2hw.verify.outcome import Outcome

DEFAULT_LIMIT = 120.0
"""Seconds for a proof."""
MIN_PATTERNS = 2048
"""Input patterns by which common points of the two graphs are guessed, at least."""


class Structure(Exception):
    """The registers are not those of a pipeline of the stated latency; the message says why."""


@dataclass(frozen=True)
class Control:
    """Valid bits in order, the nets that enable data registers, and the data registers that hold by their logic."""

    stages: tuple[Bit, ...]
    enables: tuple[Bit, ...]
    held: Mapping[Bit, tuple[Bit, ...]]
    """Output of a register without enable whose input depends on itself, to the nets that this logic reads besides
    the register and the control: yosys makes such of registers with enable where it saves a LUT.
    """
    stalls: bool = True
    """Whether there is ready; without it no register has an enable."""


def pipeline(circuit: Circuit, latency: int) -> Control:
    """Check the registers of a core.

    Raises
    ------
    UnknownCell
        `Structure`.
    """
    ports = circuit.ports
    control: set[Bit] = set()
    todo = list(ports["o_valid"])
    while todo:
        for net in circuit.fan_in([todo.pop()]):
            if net in circuit.registers and net not in control:
                control.add(net)
                register = circuit.registers[net]
                todo += [need for need in (register.d, register.enable) if need is not None]
    clocks = {register.clock for register in circuit.registers.values()}
    if clocks and clocks != set(ports.get("clk", ())):
        raise Structure("registers do not share the clock")
    if len(control) != latency:
        raise Structure(f"{len(control)} registers carry valid where the latency is {latency}")
    if any([circuit.registers[net].reset] != ports.get("rst", []) for net in control):
        raise Structure("a valid bit is not reset")
    if any(circuit.registers[net].value for net in control):
        raise Structure("a valid bit is set by the reset")
    stages = _chain(circuit, control)
    data = {q: r for q, r in circuit.registers.items() if q not in control}
    stalls = "o_ready" in ports
    special = {*stages, *ports.get("o_ready", ())}
    held = {
        q: circuit.boundary(register.d, special | {q})
        for q, register in data.items()
        if register.enable is None and q in circuit.fan_in([register.d])
    }
    enables = {register.enable for q, register in data.items() if q not in held}
    if stalls and None in enables:
        raise Structure("a data register has no enable")
    if not stalls and (held or enables - {None}):
        raise Structure("a data register waits where nothing stalls")
    # What is under way when the core is reset is lost, so that reset may clear data, too; any other is logic.
    if any(register.reset is not None and [register.reset] != ports.get("rst", []) for register in data.values()):
        raise UnknownCell("a data register with a reset of its own")
    age: dict[Bit, int | None] = dict.fromkeys(ports["i_payload"], 0)
    _arrive(circuit, data, held, ports["o_payload"], age)
    for net in ports["o_payload"]:
        at = None if isinstance(net, str) else age[net]
        if at is not None and at != latency:
            raise Structure(f"an output is {at} registers from the input where the latency is {latency}")
    return Control(tuple(stages), tuple(sorted(enables - {None}, key=str)), held, stalls)  # type: ignore


def _chain(circuit: Circuit, control: set[Bit]) -> list[Bit]:
    """Valid bits from the first to the last: each depends on the one before, itself and the last."""
    if not control:
        return []
    needs = {}
    for net in control:
        register = circuit.registers[net]
        needs[net] = circuit.fan_in([register.d]) & control
    last = circuit.ports["o_valid"][0]
    if last not in control:
        raise Structure("valid does not come from a register")
    chain = [last]
    while len(chain) < len(control):
        before = needs[chain[-1]] - set(chain)
        if len(before) != 1:
            raise Structure("the valid bits are not a chain")
        chain.append(before.pop())
    return chain[::-1]


def _arrive(
    circuit: Circuit,
    data: dict[Bit, hardware.Register],
    held: Mapping[Bit, Sequence[Bit]],
    wanted: Sequence[Bit],
    age: dict[Bit, int | None],
) -> None:
    """Fill in how many registers lie between the input and each net; None for what depends on constants alone."""
    stack: list[Bit] = [net for net in wanted if not isinstance(net, str)]
    while stack:
        net = stack[-1]
        if net in age:
            stack.pop()
            continue
        if net in data:
            needs = list(held.get(net, [data[net].d]))
        elif net in circuit.cells:
            needs = circuit.cells[net][0]["needs"]
        else:
            raise Structure("an answer depends on something other than the example")
        needs = [need for need in needs if not isinstance(need, str)]
        todo = [need for need in needs if need not in age]
        if todo:
            if len(stack) > len(circuit.cells) + len(circuit.registers) + len(age) + 1:
                raise Structure("a register feeds itself")
            stack += todo[:1]
            continue
        stack.pop()
        ages = {age[need] for need in needs} - {None}
        if len(ages) > 1:
            raise Structure(f"a cell mixes examples: its inputs are {sorted(ages)} registers from the input")  # type: ignore
        at = ages.pop() if ages else None
        age[net] = at if at is None or net not in data else at + 1


def hardware_aig(circuit: Circuit, control: Control, nets: list[int]) -> Aig:
    """Inputs: port, reset, valid, ready, valid bits.

    Outputs: class, ready, valid, enables, next valid bits.

    Parameters
    ----------
    nets : list[int]
        Takes the literals of all nets that the class depends on. For each register that holds by its logic come more
        inputs, what that logic reads, and an output that is 0 where the register does what one with enable does.
    """
    ports = circuit.ports
    pins = list(ports["i_payload"])
    ready_port = ports.get("o_ready", ["ready"])[0]
    names: list[Bit] = [*pins, *ports.get("rst", ["rst"]), ports["i_valid"][0], ready_port, *control.stages]
    aig = Aig(len(names) + sum(1 + len(reads) for reads in control.held.values()))
    known: dict[Bit, int] = {net: aig.input(index) for index, net in enumerate(names)}
    # How a register that holds looks when it does not: the next stage is ready, and what it held plays no part.
    moving: dict[Bit, int] = {**dict.fromkeys(control.stages, FALSE), ready_port: TRUE}
    held = {q: (reads, moving) for q, reads in control.held.items()}
    aig.outputs = circuit.literals(
        aig, {net: known[net] for net in pins}, ports["o_payload"], through=True, nets=nets, held=held
    )
    aig.outputs += circuit.literals(
        aig, known, [*ports.get("i_ready", ())[:1], ports["o_valid"][0], *control.enables], through=False
    )
    for stage in control.stages:
        register = circuit.registers[stage]
        enable, d = circuit.literals(
            aig, known, ["1" if register.enable is None else register.enable, register.d], through=False
        )
        no_reset = known[names[len(pins)]] ^ 1
        aig.outputs.append(
            aig.mux(enable, known[stage], aig.and_(no_reset, d))
            if register.gated
            else aig.and_(no_reset, aig.mux(enable, known[stage], d))
        )
    free = len(names)
    ready, last = known[ready_port], known[ports["o_valid"][0]] if control.held else FALSE
    for q, reads in control.held.items():
        local = {read: aig.input(free + index) for index, read in enumerate((q, *reads))}
        free += len(local)
        logic = [circuit.registers[q].d]
        [now] = circuit.literals(aig, {**known, **local}, logic, through=False)
        [new] = circuit.literals(aig, {**local, **moving, q: FALSE}, logic, through=False)
        aig.outputs.append(aig.xor(now, aig.mux(aig.or_(ready, last ^ 1), local[q], new)))
    return aig


class Pair:
    """The circuit's graph and the model's, on the same inputs and with the same outputs, and their common points.

    Parameters
    ----------
    circuit : Aig
        `hardware_aig`. model: the golden model and the handshake that the documentation promises, adding in the
        circuit's order. signals: the model's literals of all signals of the network.
    """

    def __init__(
        self,
        network: LutNetwork,
        port: InputPort,
        circuit: Aig,
        nets: Sequence[int],
        control: Control,
        output: OutputPort,
        inputs: bits.Packed,
    ) -> None:
        self.circuit, self.inputs, self.width = circuit, inputs, output.width
        n, latency = max(1, port.width), len(control.stages)
        self.model = aig = Aig(circuit.inputs)
        self.code = model.encoder(aig, network, port)
        self.signals = model.layers(aig, network, self.code)
        self.votes = {self.signals[signal] & ~1 for signal in network.head.signal.tolist()}
        self.classes = Classes(circuit, inputs)
        self.twins = self.classes.twins(aig, self.votes, inputs)
        self.split = network.head.kind != "bit" and len(self.twins) == len(self.votes - {FALSE})
        adders = CircuitAdders(circuit, self.classes, circuit.outputs[: self.width], nets, self.twins)
        aig.outputs = model.head(aig, network, self.signals, output, adders)
        reset, valid, ready = (aig.input(n + index) for index in range(3))
        stages = [aig.input(n + 3 + index) for index in range(latency)]
        last = stages[-1] if stages else valid
        advance = TRUE if not control.stalls else aig.or_(ready, last ^ 1) if stages else ready
        aig.outputs += [*[advance] * control.stalls, last, *[advance] * len(control.enables)]
        for stage, before in zip(stages, [valid, *stages], strict=False):
            aig.outputs.append(aig.and_(reset ^ 1, aig.mux(advance, stage, before)))
        aig.outputs += [FALSE] * len(control.held)

    def encoder(self) -> tuple[Aig, Aig]:
        """The encoder's bits in both, those that the circuit has as they are."""
        twins = self.classes.twins(self.model, self.code, self.inputs)
        return (cut(self.circuit, list(twins.values()), {}, 0), cut(self.model, list(twins), {}, 0))

    def layers(self) -> tuple[Aig, Aig]:
        """All that goes into the head, in both."""
        here, there = [], []
        for node, like in self._frontier().items():
            for vote, twin in self.twins.items():
                if twin >> 1 == like >> 1:
                    here.append(2 * node)
                    there.append(vote ^ twin & 1 ^ like & 1)
        return cut(self.circuit, here, {}, 0), cut(self.model, there, {}, 0)

    def head(self) -> tuple[Aig, Aig]:
        """The outputs in both, with all that goes into the head as free inputs."""
        frontier = self._frontier()
        met = {like >> 1 for like in frontier.values()}  # `layers` shows that all votes of such a node are the same
        keys = {vote: twin >> 1 if twin >> 1 in met else -vote for vote, twin in self.twins.items()}
        free = {key: 2 * (1 + self.circuit.inputs + index) for index, key in enumerate(sorted(set(keys.values())))}
        here = {node: free[like >> 1] ^ like & 1 for node, like in frontier.items()}
        there = {vote >> 1: free[keys[vote]] ^ twin & 1 for vote, twin in self.twins.items()}
        return (
            cut(self.circuit, self.circuit.outputs, here, len(free)),
            cut(self.model, self.model.outputs, there, len(free)),
        )

    def _frontier(self) -> dict[int, int]:
        """Nodes of the circuit where the head begins, and the literals of the first nodes that do the same."""
        votes = {twin >> 1 for twin in self.twins.values()}
        first, seen, out = 1 + self.circuit.inputs, set(), {}
        stack = [literal >> 1 for literal in self.circuit.outputs[: self.width]]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if self.classes.like[node] >> 1 in votes:
                out[node] = self.classes.like[node]
            elif node >= first:
                stack += [literal >> 1 for literal in self.circuit.ands[node - first]]
        return out


def counterexample(left: Aig, right: Aig, inputs: bits.Packed, n: int) -> int | None:
    """Number of the first of `n` packed examples on which the graphs differ."""
    differ = np.bitwise_or.reduce(left.evaluate(inputs) ^ right.evaluate(inputs), axis=0) & bits.tail_mask(n)
    word = np.flatnonzero(differ)
    return int(word[0]) * 64 + (int(differ[word[0]]) & -int(differ[word[0]])).bit_length() - 1 if len(word) else None


@dataclass(frozen=True, eq=False)
class Question:
    """Whether a circuit equals a model."""

    network: LutNetwork
    port: InputPort
    circuit: Circuit
    latency: int
    vectors: Vectors
    """Tried first, since a wrong core mostly fails on them."""
    output: OutputPort | None = None
    """What the circuit puts out; None for the class alone."""


def prove(
    engine: str,
    network: LutNetwork,
    port: InputPort,
    circuit: Circuit,
    latency: int,
    vectors: Vectors,
    *,
    output: OutputPort | None = None,
    seed: int = 0,
    limit: float = DEFAULT_LIMIT,
) -> Outcome:
    """Prove that a core equals the model.

    Parameters
    ----------
    output : OutputPort, optional
        What the core puts out; None for the class alone.
    """
    question = Question(network, port, circuit, latency, vectors, output)
    return prove_all(engine, [question], seed=seed, limit=limit)[0]


def prove_all(
    engine: str, questions: Sequence[Question], *, seed: int = 0, limit: float = DEFAULT_LIMIT
) -> list[Outcome]:
    """Answer several questions with few runs of ABC, `limit` seconds for all of them."""
    began, limit = time.monotonic(), min(limit, tools.default_timeout())
    outcomes = [_simulated(engine, question, seed) for question in questions]
    pairs = {at: pair for at, pair in enumerate(outcomes) if isinstance(pair, Pair)}

    def left_over() -> float:
        return began + limit - time.monotonic()

    names = {at: ["encoder", *(["layers", "head"] if pair.split else [])] for at, pair in pairs.items()}
    answers = iter(equal([getattr(pairs[at], name)() for at in pairs for name in names[at]], left_over()))
    # Not equal only says that the parts were not found, or differ on votes that never come.
    parts: dict[int, dict[str, bool | None]] = {
        at: {name: True if next(answers) else None for name in names[at]} for at in pairs
    }
    whole = [at for at in pairs if not (parts[at].get("layers") and parts[at].get("head"))]
    verdicts = dict.fromkeys(pairs, True) | dict(
        zip(whole, equal([(pairs[at].circuit, pairs[at].model) for at in whole], left_over()), strict=True)
    )
    seconds = time.monotonic() - began
    return [
        _proved(engine, questions[at], pairs[at], parts[at], verdicts[at], seconds, limit)
        if isinstance(outcome, Pair)
        else outcome
        for at, outcome in enumerate(outcomes)
    ]


def prove_by(question: Question, checker: Callable[[Aig, Aig], bool | None]) -> bool | None:
    """Answer a question with another checker than ABC.

    Parameters
    ----------
    question : Question
        Whether a circuit equals a model.
    checker : callable
        Whether two graphs are equal; None for what it does not know.

    Returns
    -------
    bool or None
        False only where the registers are wrong or an input shows it; None for what is not known.
    """
    pair = _simulated("", question, 0)
    if isinstance(pair, Outcome):
        return pair.passed
    if pair.split and checker(*pair.layers()) and checker(*pair.head()):
        return True
    return checker(pair.circuit, pair.model)


def _simulated(engine: str, question: Question, seed: int) -> Outcome | Pair:
    """The outcome if simulation or the structure tells, else what is to be proved."""
    port, circuit, vectors = question.port, question.circuit, question.vectors
    output = question.output or OutputPort.of(question.network)
    width = len(circuit.ports["o_payload"])
    if width != output.width:
        return Outcome(engine, False, errors=(f"the output has {width} bits where the manifest says {output.width}",))
    nets: list[int] = []
    try:
        control = pipeline(circuit, question.latency)
        left = hardware_aig(circuit, control, nets)
    except Structure as error:
        return Outcome(engine, False, errors=(str(error),))
    except UnknownCell as error:
        return Outcome(engine, None, note=f"not proved: the circuit has {error}, of which there is no formal model")
    n = max(len(vectors), MIN_PATTERNS)
    inputs = np.random.default_rng(seed).integers(0, 1 << 64, (left.inputs, bits.n_words(n)), np.uint64)
    known = packed_port(port, vectors.inputs)
    mask = bits.tail_mask(len(vectors))
    place = inputs[: port.width, : known.shape[1]]
    place[:] = known & mask | place & ~mask
    pair = Pair(question.network, port, left, nets, control, output, inputs)
    at = counterexample(left, pair.model, inputs, n)
    if at is None:
        return pair
    return _difference(
        engine, port, width, left, pair.model, inputs[:, at // 64] >> np.uint64(at % 64) & np.uint64(1)
    )


def _proved(
    engine: str,
    question: Question,
    pair: Pair,
    parts: dict[str, bool | None],
    verdict: bool | None,
    seconds: float,
    limit: float,
) -> Outcome:
    """The outcome in words, with an input on which a wrong circuit fails."""
    left, right = pair.circuit, pair.model
    details: dict[str, Any] = {
        "and_gates": [len(left.ands), len(right.ands)],
        "latency_proved": question.latency,
        "parts": parts,
    }
    if verdict:
        return Outcome(engine, True, note=f"proved for all inputs in {seconds:.1f} s", details=details)
    if verdict is None:
        proved = ", ".join(part for part, result in parts.items() if result)
        return Outcome(
            engine, None, note=f"not proved in {limit:g} s; proved alone: {proved or 'nothing'}", details=details
        )
    found = distinguish(left, right, limit)
    if found is None:
        return Outcome(engine, False, errors=("some input gives a wrong answer",), details=details)
    return _difference(engine, question.port, pair.width, left, right, found[:, 0])


def _difference(engine: str, port: InputPort, width: int, left: Aig, right: Aig, example: NDArray[Any]) -> Outcome:
    """The outcome for one example, uint64 (n_inputs,) of 0 and 1, on which the graphs differ."""
    got, expected = (aig.evaluate(example[:, None])[:, 0] & np.uint64(1) for aig in (left, right))
    word = sum(int(bit) << index for index, bit in enumerate(example[: port.width]))
    numbers = [sum(int(bit) << index for index, bit in enumerate(side[:width])) for side in (expected, got)]
    if numbers[0] == numbers[1]:
        return Outcome(engine, False, errors=("the handshake is wrong: ready, valid, an enable or the reset",))
    return Outcome(engine, False, 1, 1, {"input": f"{word:x}", "expected": numbers[0], "got": numbers[1]})


def check(manifest: Manifest, vectors: Vectors, seed: int = 0, limit: float | None = None) -> Outcome:
    """Prove the emitted Verilog of a folder."""
    limit = DEFAULT_LIMIT if limit is None else limit
    texts = list(manifest.verilog.values())
    if manifest.stream:
        texts = [to_verilog(manifest.netlist, latency=manifest.latency, target=get(manifest.target))]
    try:
        circuit = hardware.read(texts, manifest.top, timeout=limit + 60)
    except UnknownCell as error:
        return Outcome("formal", None, note=f"not proved: the circuit has {error}, of which there is no formal model")
    outcome = prove(
        "formal",
        manifest.network,
        manifest.network_port,
        circuit,
        manifest.latency,
        vectors.network,
        output=manifest.network_output,
        seed=seed,
        limit=limit,
    )
    if manifest.stream:
        outcome = replace(outcome, note=f"network alone, without its front end: {outcome.note}")
    return outcome
