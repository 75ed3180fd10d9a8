"""BLIF as text: covers by the name of what they drive. `exchange.blif` and ABC's remapping both speak it.

Source: "Berkeley Logic Interchange Format (BLIF)", University of California, Berkeley, 1992, and what its tools add:
`.conn` (yosys), `.barbuf` and `.short` (ABC, VTR). The first model of a file is read. External don't-cares (`.exdc`)
are not used: any completion is allowed, and the file's own is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lut2hw.errors import FormatError, shown
from lut2hw.logic import sop, truth

BOM = b"\xef\xbb\xbf"
"""What some editors put in front of UTF-8."""
MAX_PORTS = 1 << 20
MAX_COVERS = 1 << 23
_WIRE = (".conn", ".barbuf", ".short")
_IGNORED = {
    ".clock",
    ".cycle",
    ".clock_event",
    ".area",
    ".delay",
    ".wire_load_slope",
    ".wire",
    ".input_arrival",
    ".default_input_arrival",
    ".output_required",
    ".default_output_required",
    ".input_drive",
    ".default_input_drive",
    ".output_load",
    ".default_output_load",
    ".max_input_load",
    ".default_max_input_load",
    ".attr",
    ".param",
    ".cname",
    ".blackbox_attr",
}


@dataclass(frozen=True)
class Cover:
    """What drives a name.

    Attributes
    ----------
    inputs : sequence of str
    products : sequence of str
        One character for each input: "0", "1" or "-".
    ones : bool
        The products say where the output is 1, else where it is 0.
    """

    inputs: Sequence[str]
    products: Sequence[str]
    ones: bool = True

    @classmethod
    def of(cls, inputs: Sequence[str], table: int) -> Cover:
        """Of a truth table, by its ones or its zeros, whichever are fewer products."""
        k = len(inputs)
        on, off = sop.cover(table, k), sop.cover(table ^ truth.full(k), k)
        cubes, ones = (off, False) if len(off) < len(on) and table else (on, True)
        return cls(inputs, [sop.literals(cube, k) for cube in cubes], ones)

    def table(self, used: Sequence[int] | None = None) -> int:
        """The truth table over the inputs, or over those at the positions `used`, which hold all that are read."""
        used = range(len(self.inputs)) if used is None else used
        cubes = [
            (
                sum(1 << i for i, j in enumerate(used) if product[j] == "1"),
                sum(1 << i for i, j in enumerate(used) if product[j] == "0"),
            )
            for product in self.products
        ]
        table = sop.table_of(cubes, len(used))
        return table if self.ones else table ^ truth.full(len(used))


@dataclass(frozen=True)
class Model:
    """A combinational model: names of its ports, and covers by the name that they drive, in any order."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    covers: dict[str, Cover]


def text_of(data: bytes) -> str:
    """The text of a file in UTF-8, or as its byte order mark says."""
    for mark, encoding in ((BOM, "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, words), continued lines joined, comments removed."""
    words: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].rstrip()
        start = start or number
        more = line.endswith("\\")
        words += line.removesuffix("\\").split()
        if not more:
            if words:
                yield start, words
            words, start = [], 0
    if words:
        yield start, words


def parse(data: bytes, name: str = "the file") -> Model:
    """The first model of a BLIF file.

    Raises
    ------
    FormatError
        With the number of the line, if it is not one or not combinational logic.
    """
    inputs: list[str] = []
    outputs: list[str] = []
    covers: dict[str, Cover] = {}
    products: list[str] = []  # of the cover being read
    target: str | None = None
    values: set[str] = set()
    seen_model = False

    def fail(number: int, what: str) -> FormatError:
        return FormatError(f"{name}, line {number}: {what}")

    for number, words in _lines(text_of(data)):
        keyword = words[0]
        if not keyword.startswith("."):
            if target is None:
                raise fail(number, f"expected a keyword but found {shown(' '.join(words))}")
            k = len(covers[target].inputs)
            if (
                len(words) != (2 if k else 1)
                or (k and len(words[0]) != k)
                or words[-1] not in ("0", "1")
                or (k and set(words[0]) - set("01-"))
            ):
                raise fail(number, f"{shown(' '.join(words))} is not a product of {k} inputs and a value")
            values.add(words[-1])
            if len(values) > 1:
                raise fail(number, f"the cover of {shown(target)} lists both ones and zeros")
            products.append(words[0] if k else "")
            covers[target] = Cover(covers[target].inputs, products, words[-1] == "1")
            continue
        target, values = None, set()
        if keyword == ".model":
            if seen_model:
                break
            seen_model = True
        elif keyword == ".inputs":
            inputs += words[1:]
        elif keyword == ".outputs":
            outputs += words[1:]
        elif keyword == ".names" or keyword in _WIRE:
            if len(words) < 2 or (keyword in _WIRE and len(words) != 3):
                raise fail(number, f"{keyword} needs an {'output' if keyword == '.names' else 'input and an output'}")
            *operands, driven = words[1:]
            if driven in covers:
                raise fail(number, f"{shown(driven)} is driven twice")
            products = ["1"] if keyword in _WIRE else []
            covers[driven] = Cover(operands, products)
            target = driven if keyword == ".names" else None
        elif keyword in (".end", ".exdc"):
            break
        elif keyword in (".latch", ".mlatch"):
            raise fail(number, "it has latches; only combinational circuits can be models")
        elif keyword in (".subckt", ".gate", ".search"):
            raise fail(number, f"{keyword} is not read; flatten and map to .names first (yosys: flatten; techmap)")
        elif keyword not in _IGNORED:
            raise fail(number, f"unknown keyword {shown(keyword)}")
        if len(inputs) + len(outputs) > MAX_PORTS or len(covers) > MAX_COVERS:
            raise fail(number, "the circuit is too large")
    if not outputs:
        raise FormatError(f"{name} has no .outputs; is it a BLIF file?")
    for names, what in ((inputs, "input"), (outputs, "output")):
        if len(set(names)) < len(names):
            raise FormatError(f"{name} lists an {what} twice")
    for each in inputs:
        if each in covers:
            raise FormatError(f"{name}: input {shown(each)} is driven by .names too")
    return Model(inputs, outputs, covers)


def write(model: Model, name: str) -> str:
    """The text of a BLIF file."""
    lines = [f".model {name}", _list(".inputs", model.inputs), _list(".outputs", model.outputs)]
    for driven, cover in model.covers.items():
        value = "1" if cover.ones else "0"
        lines.append(_list(".names", [*cover.inputs, driven]))
        lines += [f"{product} {value}".lstrip() for product in cover.products]
    return "\n".join([*lines, ".end", ""])


def _list(keyword: str, names: Iterable[str]) -> str:
    """Names, broken with backslashes into lines that every reader takes."""
    lines, line = [], keyword
    for name in names:
        if len(line) + len(name) > 100:
            lines.append(line + " \\")
            line = ""
        line += f" {name}"
    return "\n".join([*lines, line])
