"""The one definition of how an example is laid out on the hardware's input port and how the answer comes back.

The input port is one vector. Its fields follow each other from bit 0 up; a field holds one raw feature as an
unsigned or two's complement integer, least significant bit first, or, with encoded inputs, one bit of the code.
Features and bits that the network does not read are not in the port.

The output port is one vector as well, a word: the class number, unsigned, from bit 0 up, or a bit for each label,
then the margin, unsigned, then all scores in order, all of one width and two's complement where one of them can be
negative; of these what was asked for, by default the answer alone: the class, the labels, or the scores that are
numbers.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits, quote
from lut2hw.choices import Interface
from lut2hw.errors import UsageError, unknown_name
from lut2hw.model.detect import Detections, Detector
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head

INPUT, OUTPUT = "features", "class"
"""The netlist's ports: `InputPort` and `OutputPort` have their layouts."""

ANSWER = "answer"
"""Stands for the answer alone: the class, the labels, or the scores that are numbers."""

OUTPUTS = (ANSWER, "class", "labels", "margin", "scores")
"""What can be asked of a core, in the order of the port."""

DETECT = "detect"
"""What a detector puts out in their place, fields `DETECTED`."""

DETECTED = ("on", "begins", "sum")
"""Of a detector's answer: an event is going on; it begins with this answer; the sum of the evidence."""

OUTPUTS_OF = {
    "bit": ("class",),
    "threshold": ("class", "margin", "scores"),
    "argmax": ("class", "margin", "scores"),
    "number": ("scores",),
    "labels": ("labels", "scores"),
}
"""Which of these there are, by the kind of head; the first is the answer."""

_ANSWERS = {
    "bit": "one bit, which has no scores and no margin",
    "threshold": "a class, not labels",
    "argmax": "a class, not labels",
    "number": "numbers, which are its scores and have neither class nor margin",
    "labels": "labels, which have neither class nor margin",
}

TOP = "lut2hw_core"
CLOCK_PORT, RESET_PORT = "clk", "rst"
INPUT_PORTS = {"payload": "i_payload", "valid": "i_valid", "ready": "i_ready"}
OUTPUT_PORTS = {"payload": "o_payload", "valid": "o_valid", "ready": "o_ready"}
"""The core's module and its ports, those of the streams by what they are.

Every language takes these names: no two underscores in a row, which VHDL forbids, and no keyword of any of them. A
core with a bare interface has no ready."""


def ports_of(interface: str) -> tuple[dict[str, str], dict[str, str]]:
    """Names of the ports in and out, by what they are, of a core with that interface."""
    parts = ("payload", "valid") if interface == Interface.BARE else tuple(INPUT_PORTS)
    return {part: INPUT_PORTS[part] for part in parts}, {part: OUTPUT_PORTS[part] for part in parts}


LOAD_PORTS = {"payload": "load_payload", "valid": "load_valid", "ready": "load_ready", "good": "load_good"}
"""More ports of a folded core that takes another program."""

FIRST, LAST = "first", "last"
"""Fields of a sample of a stream beside its channels: it begins a sequence, whatever was before; it ends one, so that
the next one begins another."""

NO_FIELDS = frozenset({"as_bits", "as_value", "eq", "lowermethod", "shape"})
NO_CLASSES = frozenset({"as_shape", "const", "format", "from_bits", "mro", "name", "value"})
"""Names that mean something else on a structure, and on an enumeration, in Amaranth or in Python."""


def identifiers(names: Sequence[str], prefix: str, reserved: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Names of anybody's as identifiers in Python, Verilog and C, different from each other.

    A name that is one already stays. In others accents go, anything that is no ASCII letter or digit becomes ``_``,
    `prefix` comes before what does not begin with a letter, and keywords and reserved names get a ``_`` at the end.
    Of equal names the later ones are numbered from 2.

    Parameters
    ----------
    names : sequence of str
        Any text.
    prefix : str
        Said of a name that begins with no letter: ``7`` becomes ``prefix_7``.
    reserved : frozenset of str
        Identifiers that must not come out.

    Returns
    -------
    tuple of str
        One for each name, of at most about 100 characters.
    """

    def legal(name: str) -> bool:
        return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", name)) and not (
            keyword.iskeyword(name) or name in reserved
        )

    taken = {name for name in names if legal(name)}
    owners = dict.fromkeys(taken, False)
    numbers: dict[str, int] = {}
    out = []
    for name in names:
        if owners.get(name) is False:
            owners[name] = True  # the first one of that name
            out.append(name)
            continue
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        made = re.sub(r"[^A-Za-z0-9_]+", "_", plain)[:100].strip("_")
        if not made[:1].isalpha():
            made = f"{prefix}_{made}" if made else prefix
        if keyword.iskeyword(made) or made in reserved:
            made += "_"
        new = made
        while new in taken:
            numbers[made] = numbers.get(made, 1) + 1
            new = f"{made}_{numbers[made]}"
        taken.add(new)
        out.append(new)
    return tuple(out)


def class_width(n_classes: int) -> int:
    """Bits of the output port, which holds the class number, unsigned."""
    return max(1, (n_classes - 1).bit_length())


@dataclass(frozen=True)
class Field:
    """`width` bits from bit `offset` of the port; `index` is the feature, encoder bit or score."""

    name: str
    """Of the feature, or of the bit of the code."""
    index: int
    """The feature, or the encoder bit with encoded inputs."""
    offset: int
    """First bit of the port."""
    width: int
    """Bits, least significant first."""
    signed: bool
    """Two's complement."""


def outputs_for(network: LutNetwork, outputs: Iterable[str] = (ANSWER,)) -> tuple[str, ...]:
    """What the core of a network puts out.

    Parameters
    ----------
    network : LutNetwork
        The model.
    outputs : iterable of str
        Names of `OUTPUTS`.

    Returns
    -------
    tuple of str
        These names with "answer" replaced by what it stands for, in order.

    Raises
    ------
    UsageError
        For what the network's answers do not have.
    """
    there = OUTPUTS_OF[network.head.kind]
    names = {there[0] if name == ANSWER else name for name in outputs_of(tuple(outputs))}
    if not names <= set(there):
        what = f"{', '.join(there)}, or several of these" if len(there) > 1 else there[0]
        raise UsageError(f"this model's answer is {_ANSWERS[network.head.kind]}; leave --outputs at {what}")
    return tuple(name for name in OUTPUTS if name in names)


def outputs_of(names: str | Iterable[str]) -> tuple[str, ...]:
    """Names of `OUTPUTS` in order, each once.

    Parameters
    ----------
    names : str or iterable of str
        In any order; in a text separated by commas.

    Raises
    ------
    UsageError
        For a name that is none of them, and for no name at all.
    """
    listed = names.split(",") if isinstance(names, str) else names
    if not isinstance(listed, list | tuple) or not listed:
        raise UsageError(f"outputs must be of {', '.join(OUTPUTS)}, not {names!r}")
    found = [name.strip() if isinstance(name, str) else name for name in listed]
    for name in found:
        if name not in OUTPUTS:
            raise unknown_name("output", str(name), OUTPUTS)
    return tuple(name for name in OUTPUTS if name in found)


def _bits_for(low: int, high: int) -> tuple[int, bool]:
    """Width and signedness of integers from low to high."""
    if low >= 0:
        return max(1, high.bit_length()), False
    return 1 + max((-low - 1).bit_length(), max(high, 0).bit_length()), True


def _fields_of(features: Features, indices: Iterable[int]) -> tuple[Field, ...]:
    """Features one after the other, from bit 0 up."""
    fields, offset, widths, signed = [], 0, features.widths, features.signed
    for index in indices:
        fields.append(Field(features.names[index], index, offset, int(widths[index]), bool(signed[index])))
        offset += int(widths[index])
    return tuple(fields)


@dataclass(frozen=True)
class InputPort:
    """Layout of the input vector."""

    fields: tuple[Field, ...]
    """From bit 0 up, without gaps."""
    encoded: bool
    """Whether fields are bits of the code."""

    @classmethod
    def of(cls, network: LutNetwork, read: Iterable[int], *, encoded: bool) -> InputPort:
        """Layout for the encoder bits `read` (signal numbers), or for the features those bits compare.

        Parameters
        ----------
        network : LutNetwork
            The model.
        read : Iterable[int]
            Encoder bits that the netlist reads.
        encoded : bool
            Leave the encoder out of the hardware.
        """
        if encoded:
            return cls(tuple(Field(f"bit{bit}", bit, at, 1, False) for at, bit in enumerate(sorted(set(read)))), True)
        features, encoder = network.features, network.encoder
        return cls(_fields_of(features, sorted({int(encoder.feature[bit]) for bit in read})), False)

    @classmethod
    def whole(cls, network: LutNetwork, *, encoded: bool) -> InputPort:
        """Layout of all features, or all bits of the code, whether they are read or not.

        Parameters
        ----------
        network : LutNetwork
            The model.
        encoded : bool
            Leave the encoder out of the hardware.
        """
        if encoded:
            return cls.of(network, range(len(network.encoder)), encoded=True)
        return cls(_fields_of(network.features, range(len(network.features))), False)

    @classmethod
    def of_samples(cls, samples: Features) -> InputPort:
        """Layout of a sample of a stream: its channels, then `FIRST` and `LAST`, a bit each.

        Parameters
        ----------
        samples : Features
            The channels.
        """
        fields = _fields_of(samples, range(len(samples)))
        offset = sum(field.width for field in fields)
        marks = [Field(name, len(samples) + at, offset + at, 1, False) for at, name in enumerate((FIRST, LAST))]
        return cls((*fields, *marks), False)

    @property
    def width(self) -> int:
        """Bits of the port."""
        return sum(field.width for field in self.fields)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Names of the fields as identifiers, in their order."""
        return identifiers([field.name for field in self.fields], "feature", NO_FIELDS)

    def bits_of(self, network: LutNetwork, x: NDArray[np.integer]) -> bits.Packed:
        """Integers (n, n_features) to the port's bits, packed uint64 (width, n_words).

        Parameters
        ----------
        network : LutNetwork
            The model.
        x : NDArray[np.integer]
            int64 (n, n_features).
        """
        if self.encoded:
            return network.encoder(x)[[field.index for field in self.fields]]
        x = network.features.clip(x)
        rows = [(x[:, field.index] >> bit) & 1 for field in self.fields for bit in range(field.width)]
        return bits.pack(np.array(rows, np.uint8).reshape(self.width, len(x)))

    def words_of(self, network: LutNetwork, x: NDArray[np.integer]) -> list[int]:
        """Integers (n, n_features) to one Python integer per example, bit i of it bit i of the port.

        Parameters
        ----------
        network : LutNetwork
            The model.
        x : NDArray[np.integer]
            int64 (n, n_features).
        """
        rows = np.packbits(bits.unpack(self.bits_of(network, x), len(x)), axis=0, bitorder="little").T
        return [int.from_bytes(row.tobytes(), "little") for row in rows]

    def values_of(self, network: LutNetwork, x: NDArray[np.int64]) -> list[dict[str, int]]:
        """Integers (n, n_features) to the value of each field by its key, a dictionary per example.

        Parameters
        ----------
        network : LutNetwork
            The model.
        x : NDArray[np.int64]
            int64 (n, n_features).
        """
        if self.encoded:
            columns = bits.unpack(self.bits_of(network, x), len(x)).T.astype(np.int64)
        else:
            columns = network.features.clip(x)[:, [field.index for field in self.fields]]
        return [dict(zip(self.keys, row, strict=True)) for row in columns.tolist()]


@dataclass(frozen=True)
class OutputPort:
    """Layout of the output vector, a word for each answer."""

    fields: tuple[Field, ...]
    """"class", "margin", then "score_NAME" for each class, or "score" of a head with one threshold; of labels NAME
    and "score_NAME" for each; of numbers NAME for each. `index` is the number of the score or label, 0 otherwise.
    """
    outputs: tuple[str, ...] = ("class",)
    """Names of `OUTPUTS`, without "answer"."""

    @classmethod
    def of(cls, network: LutNetwork, outputs: Iterable[str] = (ANSWER,)) -> OutputPort:
        """Layout of what the core of `network` puts out.

        Parameters
        ----------
        network : LutNetwork
            The model.
        outputs : Iterable[str]
            Names of `OUTPUTS`.

        Raises
        ------
        UsageError
            For what the network's answers do not have, such as scores where the answer is one signal.
        """
        head, outputs = network.head, outputs_for(network, outputs)
        fields: list[Field] = []

        def add(name: str, index: int, width: int, signed: bool) -> None:
            fields.append(Field(name, index, sum(field.width for field in fields), width, signed))

        if "class" in outputs:
            add("class", 0, class_width(len(network.answer_names)), False)
        if "margin" in outputs:
            add("margin", 0, *_bits_for(*head.margin_range))
        low, high = head.score_range
        # of one width, so that they are an array wherever they are read
        width, signed = _bits_for(int(low.min()), int(high.max()))
        labels = identifiers(network.target_names, "label") if "labels" in outputs else ()
        for index, name in enumerate(labels):
            add(name, index, 1, False)
        if "scores" in outputs:
            if head.kind == "number":
                names: Sequence[str] = identifiers(network.target_names, "y")
            elif len(low) == 1 and head.classifies:
                names = ["score"]
            else:
                names = [f"score_{name}" for name in network.class_names or network.target_names]
                names = identifiers([*labels, *names], "score")[len(labels) :]
            for index, name in enumerate(names):
                add(name, index, width, signed)
        return cls(tuple(fields), outputs)

    @classmethod
    def of_classes(cls, n_classes: int) -> OutputPort:
        """Layout of the class alone.

        Parameters
        ----------
        n_classes : int
            Number of classes.
        """
        return cls((Field("class", 0, 0, class_width(n_classes), False),))

    @classmethod
    def of_detector(cls, detector: Detector) -> OutputPort:
        """Layout of what a detector puts out: `DETECTED`, two bits and the sum, which may be two's complement.

        Parameters
        ----------
        detector : Detector
            The definition.
        """
        on, begins, total = DETECTED
        fields = Field(on, 0, 0, 1, False), Field(begins, 0, 1, 1, False)
        return cls((*fields, Field(total, 0, 2, *_bits_for(*detector.sum_range))), (DETECT,))

    def rows_of_detections(self, found: Detections) -> NDArray[np.uint8]:
        """Answers of a detector to words, uint8 (n, ceil(width / 8)), as of `rows_of`.

        Parameters
        ----------
        found : Detections
            Of the detector of `of_detector`.
        """
        columns = []
        for field in self.fields:
            value = np.asarray(getattr(found, field.name), np.int64)
            columns += [(value >> bit) & 1 for bit in range(field.width)]
        rows = np.array(columns, np.uint8).reshape(self.width, len(found))
        return np.packbits(rows, axis=0, bitorder="little").T.copy()

    @property
    def width(self) -> int:
        """Bits of the port."""
        return sum(field.width for field in self.fields)

    @property
    def classes_alone(self) -> bool:
        """Whether the word is the class number."""
        return self.outputs == ("class",)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """What each field is: "class", "margin", "label" or "score"; of a detector "on", "begins" and "sum"."""
        if self.outputs == (DETECT,):
            return DETECTED[: len(self.fields)]
        alone = [name for name in ("class", "margin") if name in self.outputs][: len(self.fields)]
        rest = len(self.fields) - len(alone)
        labels = 0 if "labels" not in self.outputs else rest // 2 if "scores" in self.outputs else rest
        return (*alone, *["label"] * labels, *["score"] * (rest - labels))

    def _all(self, part: str) -> tuple[Field, ...]:
        return tuple(field for field, of in zip(self.fields, self.parts, strict=True) if of == part)

    @property
    def scores(self) -> tuple[Field, ...]:
        """The fields of the scores, in order."""
        return self._all("score")

    @property
    def labels(self) -> tuple[Field, ...]:
        """The fields of the labels, in order."""
        return self._all("label")

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the fields as identifiers, in their order: ``class_``, since Python has a class of its own."""
        return identifiers([field.name for field in self.fields], "score", NO_FIELDS)

    def has(self, part: str) -> bool:
        """Whether a field is that.

        Parameters
        ----------
        part : str
            One of `parts`.
        """
        return part in self.parts

    def rows_of(self, head: Head, scores: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Scores int64 (n, len(bias)) to words, uint8 (n, ceil(width / 8)), bit i in bit i % 8 of byte i // 8.

        Parameters
        ----------
        head : Head
            Of the model.
        scores : NDArray[np.int64]
            int64 (n, len(bias)).
        """
        columns = []
        for field, part in zip(self.fields, self.parts, strict=True):
            value = (
                head.answer(scores)
                if part == "class"
                else head.margin(scores)
                if part == "margin"
                else (scores[:, field.index] >= 0).astype(np.int64)
                if part == "label"
                else scores[:, field.index]
            )
            columns += [(value >> bit) & 1 for bit in range(field.width)]
        rows = np.array(columns, np.uint8).reshape(self.width, len(scores))
        return np.packbits(rows, axis=0, bitorder="little").T.copy()

    def values_of(self, word: int) -> dict[str, int]:
        """The value of each field of a word, by its name.

        Parameters
        ----------
        word : int
            What the port shows.
        """
        values = {}
        for field in self.fields:
            value = word >> field.offset & (1 << field.width) - 1
            values[field.name] = value - (1 << field.width if field.signed and value >> field.width - 1 else 0)
        return values

    def in_words(self, word: int) -> str:
        """A word for people: the class number, or each field.

        Parameters
        ----------
        word : int
            What the port shows.
        """
        if self.classes_alone:
            return str(word)
        return f"0x{word:x} ({', '.join(f'{quote.line(name, 80)}={n}' for name, n in self.values_of(word).items())})"

    def answer_of(self, word: int, head: Head) -> int | list[int] | None:
        """The answer that a word says, as a label of an example would say it.

        Parameters
        ----------
        word : int
            What the port shows.
        head : Head
            Of the model.

        Returns
        -------
        int, list of int or None
            The class, by the scores if need be, or 0 and 1 for each label; None of a word that says neither.
        """
        values = list(self.values_of(word).values())
        if self.has("class"):
            return values[0]
        if self.has("label"):
            return values[: len(self.labels)]
        if not self.has("score") or head.kind == "number":
            return None
        answer: int | list[int] = head.answer(np.array([values[-len(self.scores) :]], np.int64))[0].tolist()
        return answer


def words_of(rows: NDArray[np.uint8]) -> list[int]:
    """Bits of a port, uint8 (n, bytes), to one Python integer per example."""
    return [int.from_bytes(row.tobytes(), "little") for row in rows]
