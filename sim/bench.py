"""The bench: what goes into the core on each clock, and what must come out. It knows no simulator.

A simulator's part calls `drive` for the inputs of the next clock, lets the logic settle, and hands what it sees just
before the rising edge to `sample`.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MAX_ERRORS = 5
MAX_UNKNOWN = 100  # gaps filled with X; a change of the whole input is what costs a simulator time

RESTARTS = 0.01
"""How often a part of an example says to forget the ones before it."""


class Drive(NamedTuple):
    """Inputs for one clock; payload None is unknown (X): a core must not let it reach an answer."""

    reset: bool
    valid: bool
    payload: int | None
    ready: bool


@dataclass
class Bench:
    """Streams vectors with random stalls on both sides, resets in the middle, then runs at full speed.

    words: an input port value for each vector, or of a stream for each sample. expected: the output port each, None
    after a sample that ends no sequence. latency: cycles, or None if the core
    may take any time (then nothing is known about when answers come). seed: of the stalls. resets: the core has a
    reset. beats: in how many parts an example comes in; 1 for one that comes whole. lanes: bits of each part, behind
    one that says to forget the parts that came. clocks: that the core works on an example, at most. stalls: both
    sides may wait; else the core has no ready and takes an example each clock. starts: the vectors from which it can
    go on after a reset, None for each one that has no answer yet. unknowns: what is no example is unknown at first;
    else it is any bits, for a netlist in which synthesis has mixed what cancels out, though not for a simulator.
    """

    words: list[int]
    expected: Sequence[int | None]
    latency: int | None = 0
    seed: int = 0
    resets: bool = False
    beats: int = 1
    lanes: int = 0
    clocks: int = 0
    stalls: bool = True
    starts: Sequence[int] | None = None
    unknowns: bool = True
    checked: int = 0
    mismatches: int = 0
    first: dict[str, Any] | None = None
    errors: list[str] = field(default_factory=list)
    classes: dict[int, int] = field(default_factory=dict)
    cycles: int = 0

    def __post_init__(self) -> None:
        n = len(self.words)
        self.random = random.Random(self.seed)
        self.width = max([1, *(word.bit_length() for word in self.words)])
        # what comes after the last answer brings none, but must not bring one either
        self.final = max((at + 1 for at, word in enumerate(self.expected) if word is not None), default=0)
        self.sent = 0  # examples accepted
        self.flying: deque[tuple[int, int]] = deque()  # (vector, cycle it was accepted)
        self.reset_left = 2 if self.resets else 0
        # The first half is stalled at random, with the reset in its middle; the second half runs freely.
        self.calm_from = n // 2
        self.reset_at = n // 4 if self.resets else None
        self.held: int | None = None
        self.idle = 0
        self.now = Drive(False, False, None, False)
        self.offered = False
        self.payload: int | None = None
        self.unknown = MAX_UNKNOWN
        self.beat = 0  # of the example that is being sent
        self.restarting = False

    @property
    def done(self) -> bool:
        """All vectors answered, or no point in going on."""
        answered = self.checked >= self.final and self.sent >= len(self.words)
        return (answered and self.drain == 0) or len(self.errors) >= MAX_ERRORS

    @property
    def drain(self) -> int:
        """Clocks still to watch after the last answer, for one too many."""
        return max(0, (self.latency or self.clocks) + 2 - self.idle)

    def drive(self) -> Drive:
        """Inputs for the next clock."""
        if (
            self.reset_at is not None
            and self.sent >= self.reset_at
            and self.reset_left == 0
            and self.sent > self.checked
        ):
            self.reset_at, self.reset_left = None, 2
        if self.reset_left:
            self.reset_left -= 1
            self.now = Drive(True, False, self.gap(), self.random.random() < 0.5)
            return self.now
        calm = self.checked >= self.calm_from
        # Once offered, an example stays until it is taken.
        was = self.offered
        self.offered = self.sent < len(self.words) and (self.offered or calm or self.random.random() < 0.7)
        ready = calm or not self.stalls or self.random.random() < 0.7
        if self.lanes and not was:
            self.restarting = self.offered and not calm and self.random.random() < RESTARTS
        self.payload = self.part() if self.offered else self.gap()
        self.now = Drive(False, self.offered, self.payload, ready)
        return self.now

    def part(self) -> int:
        """What is offered: an example, or a part of it."""
        word = self.words[self.sent]
        if not self.lanes:
            return word
        data = word >> self.beat * self.lanes & (1 << self.lanes) - 1
        return (data ^ 1 if self.restarting else data) << 1 | self.restarting

    def taken(self) -> None:
        """What is offered has been taken."""
        self.offered, self.idle = False, 0
        self.beat = 0 if self.restarting else self.beat + 1
        if self.beat == self.beats:
            if self.expected[self.sent] is not None:
                self.flying.append((self.sent, self.cycles))
            self.sent, self.beat = self.sent + 1, 0

    def gap(self) -> int | None:
        """Payload where there is no example: unknown at first, later the last one.

        Of an example in parts any bits, for one of them says what the others are, and gates make an unknown of that.
        """
        if self.lanes:
            return self.random.getrandbits(1 + self.lanes)
        if not self.unknowns:
            return self.random.getrandbits(self.width)
        self.unknown -= 1
        return None if self.unknown >= 0 else self.payload

    def sample(self, in_ready: int | None, out_valid: int | None, out_payload: int | None) -> None:
        """What the core shows just before the rising edge; None is unknown."""
        self.cycles += 1
        self.idle += 1
        if self.now.reset:
            # What was under way is lost on purpose and is sent again.
            if self.starts is not None:
                self.checked = max((at for at in self.starts if at <= self.checked), default=0)
            self.sent, self.beat, self.offered, self.held, self.idle = self.checked, 0, False, None, 0
            self.flying.clear()
            return
        if in_ready is None or out_valid is None:
            self.error("ready or valid is unknown (X)")
            return
        if self.offered and in_ready:
            self.taken()
        if self.held is not None and (not out_valid or out_payload != self.held):
            self.error("an answer changed before it was taken")
        self.held = None
        if out_valid:
            self.answer(out_payload)
        if self.idle > 2 * (self.latency or self.clocks) + 10_000:
            self.error(f"no progress for {self.idle} clocks")
            self.errors += [self.errors[-1]] * (MAX_ERRORS - len(self.errors))

    def answer(self, payload: int | None) -> None:
        """An answer is on the output."""
        through = self.latency == 0 and self.now.valid  # an example that waits at the input shows at the output
        if not self.flying and not through:
            self.error("an answer came without an example")
            return
        if not self.now.ready:
            self.held = payload
            return
        index, when = self.flying.popleft()
        self.idle = 0
        # From the middle on nothing stalls: examples sent since then take exactly the latency.
        if self.latency is not None and not self.lanes and index > self.calm_from + self.latency + 1:
            took = self.cycles - when
            if took != self.latency:
                self.error(f"vector {index} took {took} cycles instead of {self.latency}")
        self.checked = index + 1
        if payload is None or payload != self.expected[index]:
            self.mismatches += 1
            self.first = self.first or {
                "vector": self.answers_to(index),
                "input": f"{self.words[index]:x}",
                "expected": self.expected[index],
                "got": payload,
            }
        else:
            self.classes[payload] = self.classes.get(payload, 0) + 1

    def answers_to(self, word: int) -> int:
        """How many of the words before this one have an answer."""
        return word - self.expected[:word].count(None)

    def error(self, what: str) -> None:
        """Note an error of the protocol."""
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(f"clock {self.cycles}: {what}")

    def result(self) -> dict[str, Any]:
        """JSON values: vectors checked, mismatches, the first of them, errors of the protocol, answers by class."""
        return {
            "vectors": self.answers_to(self.checked),
            "mismatches": self.mismatches,
            "first": self.first,
            "errors": self.errors,
            "classes": {str(c): n for c, n in sorted(self.classes.items())},
            "cycles": self.cycles,
        }
