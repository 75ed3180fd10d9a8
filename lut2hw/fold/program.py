"""Programs of folded cores: the shape of an engine, and the instruction format, described once.

An engine has a memory of signals, one bit each: words of as many bits as it has lanes. The example comes in at its
end, beat after beat. A program is a list of rows. On each clock the engine fetches one; every lane looks its table up
at the signals that its addresses name. What becomes of the bits says the operation:

    WRITE   they become the word of signals whose number is the row's
    VOTE    each adds the weight of its lane to the score
    ADD     the score grows by the row's number
    END     the score is that of the next class, label or number, and becomes 0; the last END ends the program

A row is two numbers in two memories, read one clock after the other. The first one: the operation in bits 1:0, then
`k` addresses of `address_bits` for each lane. The second one: for each lane a table of 2**k bits and a weight of
`weight_bits` (1 where there are none); the number of ADD and, in bit 0, whether an END is the last one take the same
place from bit 0 up. Addresses are those of bits: a word's number, then the lane. Input 0 of a table is the least
significant bit of its index.

A row reads signals while the row before it is still at its tables: what a WRITE makes is there `DISTANCE` rows later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, NamedTuple

from lut2hw.checked import Damaged, List, OneOf, Whole, check, parse
from lut2hw.compile.options import FOLDS
from lut2hw.errors import Lut2hwError
from lut2hw.logic.port import OutputPort
from lut2hw.model.parts import KINDS

DISTANCE = 2
"""Rows from one that writes a signal to the first one that may read it."""
RESTART = 1
"""Bits of a beat before its data: one that says to forget what has come of an example; the data then mean nothing."""
MAGIC = b"lut2hw program 1\n"
MAX_ROWS = 1 << 16
MAX_ADDRESS = 20


class Op(IntEnum):
    """What becomes of the bits of a row."""

    WRITE = 0
    VOTE = 1
    END = 2
    ADD = 3


class Place(NamedTuple):
    """A field of the answer."""

    part: str
    """"class", "margin", "label" or "score"."""
    number: int
    """Of the label or score."""
    offset: int
    width: int


@dataclass(frozen=True)
class Shape:
    """What an engine is built for; a program fits the engines of its shape."""

    k: int
    """Inputs of a table."""
    lanes: int
    """Tables a clock."""
    address_bits: int
    """Of a signal."""
    beats: int
    """Words that an example comes in, the last ones of the memory."""
    double: bool
    """Whether an example comes in while the one before is worked on: all signals have two places."""
    writes: bool
    """Whether there are rows that write."""
    weight_bits: int
    """Of a vote, unsigned; 0 where each vote counts 1."""
    score_bits: int
    """Of a score."""
    signed: bool
    """Whether scores are two's complement."""
    adds: bool
    """Whether there are rows that add a number."""
    rows: int
    """Of a program, at most."""
    kind: str
    """Of the head: one of `lut2hw.model.parts.KINDS`."""
    scores: int
    """How many scores."""
    reject: int
    """The least margin of an answer; below it the class is `scores`, or 2 of a threshold."""
    answer: tuple[Place, ...]
    """Fields of the answer from bit 0 up."""
    reloadable: bool = False
    """Whether another program can come in; there is room for two of `rows` rows, a power of two."""

    @property
    def lane_bits(self) -> int:
        """Bits of an address that say the lane."""
        return (self.lanes - 1).bit_length()

    @property
    def words(self) -> int:
        """Words of signals that a program can name."""
        return 1 << self.address_bits - self.lane_bits

    @property
    def first_input(self) -> int:
        """The word that the first beat goes to."""
        return self.words - self.beats

    @property
    def address_width(self) -> int:
        """Bits of a row in the first memory."""
        return 2 + self.lanes * self.k * self.address_bits

    @property
    def lane_width(self) -> int:
        """Bits of a lane in the second memory."""
        return (1 << self.k) + self.weight_bits

    @property
    def table_width(self) -> int:
        """Bits of a row in the second memory."""
        return max(self.lanes * self.lane_width, self.score_bits if self.adds else 1)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row that comes in: those of the first memory, then those of the second."""
        return -(-self.address_width // 8) - (-self.table_width // 8)

    @property
    def fingerprint(self) -> int:
        """First 32 bits of the SHA-256 of the shape: programs fit all engines that have the same."""
        text = json.dumps(self.as_json(), separators=(",", ":"))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")

    @property
    def answer_bits(self) -> int:
        """Bits of the answer."""
        return sum(place.width for place in self.answer)

    def as_json(self) -> dict[str, Any]:
        """JSON values by name."""
        return {**asdict(self), "answer": [place._asdict() for place in self.answer]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Shape:
        """Undo `as_json`.

        Parameters
        ----------
        values : Mapping[str, Any]
            JSON values of anybody.

        Raises
        ------
        lut2hw.checked.Damaged
            For what is no shape of an engine.
        """
        check(
            values,
            {
                "k": Whole(1, 8),
                "lanes": OneOf(list(FOLDS)),
                "address_bits": Whole(1, MAX_ADDRESS),
                "beats": Whole(1, 1 << MAX_ADDRESS),
                **dict.fromkeys(("double", "writes", "signed", "adds", "reloadable"), bool),
                "weight_bits": Whole(0, 64),
                "score_bits": Whole(1, 64),
                "rows": Whole(1, MAX_ROWS),
                "kind": OneOf(list(KINDS)),
                "scores": Whole(1, 1 << 16),
                "reject": Whole(0, 1 << 40),
            },
            "shape",
        )
        check(values.get("answer"), List(_PLACE, 1), "shape.answer")
        offset, answer = 0, []
        for entry in values["answer"]:
            check(entry["offset"], OneOf([offset]), "shape.answer")
            answer.append(Place(*(entry[name] for name in Place._fields)))
            offset += entry["width"]
        names = [name for name in cls.__dataclass_fields__ if name != "answer"]
        shape = cls(**{name: values[name] for name in names}, answer=tuple(answer))
        odd = shape.reloadable and shape.rows & shape.rows - 1
        if odd or not shape.lane_bits < shape.address_bits or shape.beats > shape.words:
            raise Damaged("shape is that of no engine")
        return shape


_PLACE = {
    "part": OneOf(["class", "margin", "label", "score"]),
    "number": Whole(0, 1 << 16),
    "offset": Whole(),
    "width": Whole(1, 64),
}


@dataclass(frozen=True)
class Row:
    """One row, decoded."""

    op: Op
    """What becomes of the bits."""
    addresses: tuple[tuple[int, ...], ...] = ()
    """By lane, of each input of its table."""
    tables: tuple[int, ...] = ()
    """By lane, entry p in bit p."""
    weights: tuple[int, ...] = ()
    """By lane, of a VOTE."""
    number: int = 0
    """Of an ADD."""
    last: bool = False
    """Of an END: it ends the program."""


def encode(shape: Shape, row: Row) -> tuple[int, int]:
    """The two numbers that a row is in the memories of an engine.

    Parameters
    ----------
    shape : Shape
        Of the engine.
    row : Row
        What to encode; lanes that are left out look a table of zeros up at the first input.
    """
    read, look = int(row.op), 0
    spare = (shape.first_input << shape.lane_bits,) * shape.k
    for lane in range(shape.lanes):
        addresses = row.addresses[lane] if lane < len(row.addresses) else spare
        for j, address in enumerate(addresses):
            read |= address << 2 + (lane * shape.k + j) * shape.address_bits
    if row.op == Op.END:
        look = int(row.last)
    elif row.op == Op.ADD:
        look = row.number & (1 << shape.score_bits) - 1
    else:
        for lane, table in enumerate(row.tables):
            weight = row.weights[lane] if shape.weight_bits and row.weights else 0
            look |= (table | weight << (1 << shape.k)) << lane * shape.lane_width
    return read, look


def decode(shape: Shape, read: int, look: int) -> Row:
    """Undo `encode`.

    Parameters
    ----------
    shape : Shape
        Of the engine.
    read, look : int
        The two numbers of the row.
    """
    mask, op = (1 << shape.address_bits) - 1, Op(read & 3)
    places = [read >> 2 + at * shape.address_bits & mask for at in range(shape.lanes * shape.k)]
    addresses = tuple(tuple(places[lane * shape.k : (lane + 1) * shape.k]) for lane in range(shape.lanes))
    if op == Op.END:
        return Row(op, addresses, last=bool(look & 1))
    if op == Op.ADD:
        number = look & (1 << shape.score_bits) - 1
        return Row(op, addresses, number=signed(shape, number))
    lanes = [look >> lane * shape.lane_width for lane in range(shape.lanes)]
    tables = tuple(lane & (1 << (1 << shape.k)) - 1 for lane in lanes)
    weights = tuple(
        lane >> (1 << shape.k) & (1 << shape.weight_bits) - 1 if shape.weight_bits else 1 for lane in lanes
    )
    return Row(op, addresses, tables, weights)


def signed(shape: Shape, number: int) -> int:
    """What the bits of a score stand for."""
    number &= (1 << shape.score_bits) - 1
    return number - (1 << shape.score_bits) if shape.signed and number >> shape.score_bits - 1 else number


@dataclass(frozen=True)
class Program:
    """What an engine's two memories hold."""

    shape: Shape
    """Of the engines that it fits."""
    read: tuple[int, ...]
    """By row, the operation and the addresses."""
    look: tuple[int, ...]
    """By row, tables and weights, or a number."""

    @classmethod
    def of(cls, shape: Shape, rows: Iterable[Row]) -> Program:
        """Encode rows.

        Parameters
        ----------
        shape : Shape
            Of the engine.
        rows : iterable of Row
            In order.
        """
        encoded = [encode(shape, row) for row in rows]
        return cls(shape, tuple(read for read, _ in encoded), tuple(look for _, look in encoded))

    def __len__(self) -> int:
        return len(self.read)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows, decoded."""
        return tuple(decode(self.shape, read, look) for read, look in zip(self.read, self.look, strict=True))

    @property
    def clocks(self) -> int:
        """Clocks an example, from one to the next, while examples wait and answers are taken."""
        run = len(self) + DISTANCE + 1
        if not self.shape.double:
            return run + self.shape.beats
        return max(run, self.shape.beats + 1 + sum(row.op == Op.WRITE for row in self.rows))

    @property
    def latency(self) -> int:
        """Clocks from the last beat of an example to its answer, if the engine waits for it."""
        return len(self) + DISTANCE + 2

    def faults(self) -> list[str]:
        """What an engine must not be given, in words, by one scan; none of a program that `compile` made.

        Every signal that is read is a bit of the example or was written at least `DISTANCE` rows before, no row
        writes where the example is, there are as many scores as the engine has, and the last row, and only
        it, ends the program.
        """
        shape, out = self.shape, []
        if not 1 <= len(self) <= shape.rows:
            out.append(f"{len(self)} rows, the engine holds 1 to {shape.rows}")
        written: dict[int, int] = {}
        ends = 0
        for number, row in enumerate(self.rows):
            if row.op in (Op.WRITE, Op.VOTE):
                for address in {address for lane in row.addresses for address in lane}:
                    word = address >> shape.lane_bits
                    if word < shape.first_input and number - written.get(word, number) < DISTANCE:
                        out.append(f"row {number} reads signal {address} before it is written")
            if row.op == Op.WRITE:
                if not shape.writes or number >= shape.first_input:
                    out.append(f"row {number} writes where the engine cannot")
                written[number] = number
            if row.op == Op.ADD and not shape.adds:
                out.append(f"row {number} adds a number, which the engine cannot")
            ends += row.op == Op.END
            if row.op == Op.END and row.last != (number == len(self) - 1):
                out.append(f"row {number} ends the program" if row.last else "nothing ends the program")
        if self.rows and self.rows[-1].op != Op.END:
            out.append("nothing ends the program")
        if ends != shape.scores:
            out.append(f"{ends} scores, the engine has {shape.scores}")
        return out

    def to_rows(self) -> bytes:
        """Rows as they come in: `Shape.row_bytes` each, numbers with their least significant byte first."""
        first = -(-self.shape.address_width // 8)
        rows = zip(self.read, self.look, strict=True)
        second = self.shape.row_bytes - first
        return b"".join(read.to_bytes(first, "little") + look.to_bytes(second, "little") for read, look in rows)

    @property
    def fingerprint(self) -> int:
        """First 32 bits of the SHA-256 of the shape's fingerprint and the rows."""
        data = self.shape.fingerprint.to_bytes(4, "little") + self.to_rows()
        return int.from_bytes(hashlib.sha256(data).digest()[:4], "little")

    def to_bytes(self) -> bytes:
        """The file: magic, the shape as a line of JSON, rows in hexadecimal, SHA-256 over all that."""
        lines = [json.dumps(self.shape.as_json(), separators=(",", ":"))]
        lines += [f"{read:x} {look:x}" for read, look in zip(self.read, self.look, strict=True)]
        body = MAGIC + "".join(f"{line}\n" for line in lines).encode()
        return body + hashlib.sha256(body).hexdigest().encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Program:
        """Undo `to_bytes`, of anybody's bytes.

        Parameters
        ----------
        data : bytes
            Content of a file.

        Raises
        ------
        ProgramError
            For anything that is no program, or one with `faults`.
        """
        try:
            body, digest = data[:-65], data[-65:]
            if not data.startswith(MAGIC) or hashlib.sha256(body).hexdigest().encode() + b"\n" != digest:
                raise Damaged("its checksum is wrong")
            first, *lines = body[len(MAGIC) :].decode("ascii").splitlines()
            shape = Shape.from_json(parse(first))
            pairs = [line.split(" ") for line in lines]
            read, look = tuple(int(pair[0], 16) for pair in pairs), tuple(int(pair[1], 16) for pair in pairs)
            wide = any(word >> shape.address_width for word in read) or any(
                word >> shape.table_width for word in look
            )
            if wide or min((*read, *look), default=0) < 0:
                raise Damaged("a row is too wide")
        except Damaged as error:
            raise ProgramError(f"it is no program of a folded core ({error})") from None
        except (ValueError, IndexError, KeyError, TypeError):
            raise ProgramError("it is no program of a folded core") from None
        program = cls(shape, read, look)
        faults = program.faults()
        if faults:
            raise ProgramError(f"no engine can run it: {faults[0]}")
        return program


class ProgramError(Lut2hwError):
    """Bytes that are no program; says why."""


def places_of(port: OutputPort) -> tuple[Place, ...]:
    """The fields of an answer without their names."""
    return tuple(
        Place(part, field.index, field.offset, field.width)
        for field, part in zip(port.fields, port.parts, strict=True)
    )
