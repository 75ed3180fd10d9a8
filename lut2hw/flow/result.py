"""What a build leaves: `build.json` beside a bitstream, the same for chips with and without a board."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lut2hw.artefact.folder import Manifest
from lut2hw.artefact.results import BUILD, read_board
from lut2hw.checked import dumps
from lut2hw.errors import UsageError
from lut2hw.flow import boards

NAME = "chip"
"""Of the routed design and the bitstream of a board's chip."""
BITSTREAM = {"ice40": f"{NAME}.bin", "ecp5": f"{NAME}.bit"}
"""File of a board's bitstream by family."""


@dataclass(frozen=True)
class Area:
    """What a module takes up."""

    logic_cells: int
    """LUT and flip-flop pairs, as nextpnr counts them."""
    lut4: int
    """LUTs after synthesis."""
    carry: int
    """Carry cells after synthesis."""
    ff: int
    """Flip-flops after synthesis."""
    ram: int
    """Block RAMs."""


@dataclass(frozen=True)
class BuildResult:
    """What `lut2hw.flow.build.build` made; its fields are the keys of `build.json`, and `result[key]` reads one.

    Attributes
    ----------
    device, package : str
        As nextpnr spells them.
    target : str
        Family.
    board : str or None
        Name of the board that the chip is for.
    link : str
        How examples come in: "shift" (a bit a clock, through one pin) or "uart".
    baud : int or None
        Of the UART.
    clock_mhz : float or None
        Clock of the board; the fastest one, `fmax_mhz`, is the clock of a chip without one.
    core, chip : Area
        Of the core alone and of the whole chip, this as routed.
    chip_packed : int
        Logic cells of the chip after packing, before placing.
    fmax_mhz : float
        Fastest clock that nextpnr's timing analysis allows.
    latency_cycles, latency_ns
        From an example to its class, through the core alone.
    classifications_per_second : int
        Of the core alone: one a clock, or what a folded core makes of its clock; samples of one with a front end.
    examples_per_second : int
        Of the chip, as fast as the link brings them.
    input_bits : int
        Bits of the features that the core reads.
    fingerprint : str
        First 32 bits of the SHA-256 of the core's Verilog, hexadecimal; a chip with a UART says it of itself.
    built_of : str
        `Manifest.digest` of the folder: SHA-256 over its core, netlist, model, vectors and manifest.
    bitstream_sha256 : str or None
        Of the bitstream.
    seed, freq_mhz
        Of the placer, and the clock that it aimed at.
    bitstream : str or None
        Path of the bitstream; None where no open packer exists.
    seconds : dict of str to float
        Time by tool.
    tools : dict of str to str
        Version by tool.
    """

    device: str
    package: str
    target: str
    board: str | None
    link: str
    baud: int | None
    clock_mhz: float | None
    core: Area
    chip: Area
    chip_packed: int
    fmax_mhz: float
    latency_cycles: int
    latency_ns: float | None
    classifications_per_second: int
    examples_per_second: int
    input_bits: int
    fingerprint: str
    built_of: str
    bitstream_sha256: str | None
    seed: int
    freq_mhz: float
    bitstream: str | None
    seconds: dict[str, float]
    tools: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """JSON values of `build.json`."""
        return asdict(self)

    def to_bytes(self) -> bytes:
        """The file `build.json`."""
        return (dumps(self.as_json(), indent=1) + "\n").encode()

    def __getitem__(self, key: str) -> Any:
        return self.as_json()[key]


def built_for(manifest: Manifest) -> list[str]:
    """Names of the boards that the folder has a chip for."""
    folder = manifest.directory
    return sorted(path.parent.name for path in folder.glob(f"*/{BUILD}") if path.parent.name in boards.BOARDS)


def read_build(manifest: Manifest, board: str | None = None) -> dict[str, Any]:
    """`build.json` of a board, or of the only one that was built.

    Parameters
    ----------
    manifest : Manifest
        The emitted folder.
    board : str, optional
        Name of the board; None for the only chip there is.

    Raises
    ------
    UsageError
    Lut2hwError
    """
    folder = manifest.directory
    built = built_for(manifest)
    if board is not None:
        boards.board(board)
        if board not in built:
            raise UsageError(f"{folder} is not built for {board}; run `lut2hw build {folder} --board {board}`")
    elif len(built) != 1:
        what = (
            f"is built for {', '.join(built)}; say which with --board"
            if built
            else f"is not built for a board; run `lut2hw build {folder} --board NAME`"
        )
        raise UsageError(f"{folder} {what}")
    name = board or built[0]
    result = read_board(folder / name)
    if result is None:
        raise UsageError(f"{folder} is not built for {name}; run `lut2hw build {folder} --board {name}`")
    # Which file goes to the board is where it lies, not what the file says.
    return {**result, "board": name, "bitstream": str(folder / name / BITSTREAM[boards.board(name).target])}
