"""What can be asked of a compilation: one description for `compile_network`, `emit`, the manifest and the report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from lut2hw.choices import Interface, Language
from lut2hw.errors import UsageError, unknown_name
from lut2hw.logic.port import ANSWER, OutputPort, outputs_of
from lut2hw.model.detect import DetectOptions, Detector
from lut2hw.model.network import LutNetwork

EFFORTS = ("normal", "high")
RAM = ("never", "auto")
FOLDS = (1, 2, 4, 8, 16)
"""Tables that a folded core may look up a clock."""
MOST_REGISTERS = 1000
PORTS = ("interface", "latency", "language")
"""Options of what stands around the netlist: a manifest has those that were asked for."""


@dataclass(frozen=True)
class CompileOptions:
    """Options of a compilation, checked when they are made.

    Parameters
    ----------
    pipeline : str or int
        Number of register stages, "none" for a combinational netlist, or "auto" to choose it. A number in a text
        becomes an integer.
    encoded_inputs : bool
        Leave the encoder out; the input port takes the bits of the code.
    dont_cares : str
        "off"; "unseen" or "rare:N" let table entries change that training showed never, or less than N times.
    effort : str
        "normal", or "high" to compare with ABC's mapping of the tables and with what yosys alone makes of the
        network's behaviour, and keep the smallest. It needs yosys.
    fmax : float or None
        Clock in MHz that an automatic pipeline is cut for.
    ram : str
        "never", or "auto" to put wide tables into the device's block RAMs where that saves logic cells.
    device : str or None
        Device of the target, for its block RAMs and its speed; None for the target's usual one.
    outputs : str or sequence of str
        What the core puts out: "class", "labels", "margin" (the winner's score less the runner-up's), "scores", or
        several of them; in a text separated by commas. "answer" is the class, the labels, or the numbers, which are
        the scores, as the model has them. It becomes a tuple in the order of `lut2hw.logic.port.OUTPUTS`.
    fold : int or str or None
        Tables that a folded core looks up a clock, 1, 2, 4, 8 or 16, from a program in block RAM; "auto" for the
        fewest that make `rate`; None for a core that takes an example each clock. A number in a text becomes an
        integer.
    rate : float or None
        Examples a second that "auto" must make at `fmax`.
    reloadable : bool
        A folded core takes another program over its link, and has room for it.
    patchable : bool
        Keep each table of the network as LUTs of its own, whatever is in it, so that `lut2hw patch` can change all
        tables in a bitstream.
    interface : str
        "stream": valid and ready on both sides, so that either may stall; or "bare": no ready and nothing that
        stalls, an answer follows its example after the latency, whatever happens, and valid is shifted along.
    latency : int or None
        Clocks from an example to its answer: the registers of `pipeline`, which then stays "auto". With `fmax` both
        must be met.
    detect : str or None
        Look at a stream without end in place of sequences, with these options of `lut2hw.model.detect.DetectOptions`,
        as in "onset=8,every=16,window=64". The core then puts out `lut2hw.logic.port.DETECTED`.
    language : str
        "verilog", or "vhdl" for the core in VHDL beside that in Verilog, which the proofs and the build read.

    Raises
    ------
    UsageError
        For a value that makes no sense, in one line.
    """

    pipeline: str | int = "auto"
    encoded_inputs: bool = False
    dont_cares: str = "off"
    effort: str = "normal"
    fmax: float | None = None
    ram: str = "never"
    device: str | None = None
    outputs: str | Sequence[str] = (ANSWER,)
    fold: str | int | None = None
    rate: float | None = None
    reloadable: bool = False
    patchable: bool = False
    interface: str = Interface.STREAM.value
    latency: int | None = None
    language: str = Language.VERILOG.value
    detect: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pipeline", _stages(self.pipeline))
        if not isinstance(self.encoded_inputs, bool):
            raise UsageError(f"encoded_inputs must be true or false, not {self.encoded_inputs!r}")
        least_shown(self.dont_cares)
        if self.effort not in EFFORTS:
            raise unknown_name("effort", str(self.effort), EFFORTS)
        if self.fmax is not None:
            if isinstance(self.fmax, bool) or not isinstance(self.fmax, int | float) or not 0 < self.fmax < 10_000:
                raise UsageError(f"fmax must be a clock in MHz above 0 and below 10,000, not {self.fmax!r}")
            object.__setattr__(self, "fmax", float(self.fmax))
        if self.ram not in RAM:
            raise unknown_name("use of RAM", str(self.ram), RAM)
        if self.device is not None and not isinstance(self.device, str):
            raise UsageError(f"device must be a name, not {self.device!r}")
        object.__setattr__(self, "outputs", outputs_of(self.outputs))
        if self.interface not in list(Interface):
            raise unknown_name("interface", str(self.interface), list(Interface))
        object.__setattr__(self, "interface", str(self.interface))
        if self.language not in list(Language):
            raise unknown_name("language", str(self.language), list(Language))
        object.__setattr__(self, "language", str(self.language))
        if self.latency is not None:
            if type(self.latency) is not int or not 0 <= self.latency <= MOST_REGISTERS:
                raise UsageError(
                    f"latency must be a number of clocks from 0 to {MOST_REGISTERS}, not {self.latency!r}"
                )
            if self.pipeline != "auto":
                raise UsageError("--latency and --pipeline both say how many registers there are; give one of them")
        if self.ram == "auto" and self.registers == 0:
            raise UsageError(
                "block RAM is read on the clock, so --ram auto needs registers: leave --pipeline none and "
                "--latency 0 out"
            )
        if self.detect is not None:
            if not isinstance(self.detect, str):
                raise UsageError(f"detect must be options in a text, as in every=16,window=64, not {self.detect!r}")
            DetectOptions.parse(self.detect)
            if self.outputs != (ANSWER,):
                raise UsageError("a detector puts out whether there is an event; leave --outputs or --detect out")
        object.__setattr__(self, "fold", _lanes(self.fold))
        if self.rate is not None:
            if isinstance(self.rate, bool) or not isinstance(self.rate, int | float) or not 0 < self.rate < 1e10:
                raise UsageError(f"rate must be examples a second above 0, not {self.rate!r}")
            if self.fold != "auto":
                raise UsageError("a rate is what --fold auto has to make; give --fold auto, or leave --rate out")
            object.__setattr__(self, "rate", float(self.rate))
        if not isinstance(self.reloadable, bool):
            raise UsageError(f"reloadable must be true or false, not {self.reloadable!r}")
        if self.reloadable and self.fold is None:
            raise UsageError("only a folded core takes another program; give --fold too, or leave --reloadable out")
        if not isinstance(self.patchable, bool):
            raise UsageError(f"patchable must be true or false, not {self.patchable!r}")
        if self.patchable:
            if self.fold is not None:
                raise UsageError(
                    "a folded core takes other models as programs; give --reloadable instead of --patchable"
                )
            for name in self.unusual("ram", "effort", "dont_cares"):
                raise UsageError(
                    f"--patchable keeps every table whole, --{name.replace('_', '-')} {getattr(self, name)} changes "
                    "tables to save cells; leave one of them out"
                )
        if self.fold is not None:
            if self.detect is not None:
                raise UsageError("a network behind a front end is not folded yet; leave --fold or --detect out")
            for name in self.unusual("pipeline", "ram", "effort", *PORTS):
                raise UsageError(f"a folded core has no use for --{name} {getattr(self, name)}; leave it out")

    def unusual(self, *names: str) -> list[str]:
        """Those of the options that are not what they are by default.

        Parameters
        ----------
        *names : str
            Of fields.
        """
        return [name for name in names if getattr(self, name) != type(self).__dataclass_fields__[name].default]

    def detector(self, network: LutNetwork) -> Detector | None:
        """The detector that is asked for; None where answers are of whole sequences.

        Parameters
        ----------
        network : LutNetwork
            The model.

        Raises
        ------
        UsageError
            If the options of `detect` do not fit it.
        """
        return None if self.detect is None else Detector.of_network(network, self.detect)

    def network_output(self, network: LutNetwork) -> OutputPort:
        """Layout of what the netlist of the network puts out, of a detector what that reads.

        Parameters
        ----------
        network : LutNetwork
            The model.
        """
        detector = self.detector(network)
        return OutputPort.of(network, self.outputs if detector is None else detector.outputs)

    def core_output(self, network: LutNetwork) -> OutputPort:
        """Layout of what the core puts out.

        Parameters
        ----------
        network : LutNetwork
            The model.
        """
        detector = self.detector(network)
        return OutputPort.of(network, self.outputs) if detector is None else OutputPort.of_detector(detector)

    @property
    def registers(self) -> int | None:
        """Register stages that are asked for; None where the compiler chooses."""
        if self.latency is not None:
            return self.latency
        return None if self.pipeline == "auto" else 0 if self.pipeline == "none" else int(self.pipeline)

    def as_json(self) -> dict[str, Any]:
        """JSON values by name, as a manifest holds them; what came later only where it is asked for."""
        values = {**asdict(self), "outputs": list(self.outputs)}
        if self.fold is None:
            del values["fold"], values["rate"], values["reloadable"]
        if self.detect is None:
            del values["detect"]
        if not self.patchable:
            del values["patchable"]
        for name in set(PORTS) - set(self.unusual(*PORTS)):
            del values[name]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CompileOptions:
        """Undo `as_json`; what an older file does not name has its default.

        Raises
        ------
        UsageError
            For a name that is no option, and for a wrong value, in one line.
        """
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise unknown_name("option of a compilation", name, known)
        return cls(**values)

    def arguments(self) -> list[str]:
        """The options of `lut2hw emit` that say the same, without those that are by default."""
        words: list[str] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                flag = f"--{field.name.replace('_', '-')}"
                words += (
                    [flag] if value is True else [flag, ",".join(value) if isinstance(value, tuple) else str(value)]
                )
        return words


def _lanes(fold: Any) -> str | int | None:
    if fold is None or fold == "auto":
        return fold  # type: ignore[no-any-return]
    if type(fold) in (str, int) and str(fold) in map(str, FOLDS):
        return int(fold)
    raise UsageError(f"fold must be auto or one of {', '.join(map(str, FOLDS))} tables a clock, not {fold!r}")


def least_shown(dont_cares: str) -> int | None:
    """How often training must show an entry that may not change; None if none may. Raises `UsageError`."""
    if dont_cares == "off":
        return None
    if dont_cares == "unseen":
        return 1
    name, _, number = dont_cares.partition(":") if isinstance(dont_cares, str) else ("", "", "")
    if name != "rare" or not re.fullmatch(r"[0-9]{1,9}", number) or not int(number):
        raise UsageError(f"dont-cares must be off, unseen or rare:N with N from 1, not {dont_cares!r}")
    return int(number)


def _stages(pipeline: str | int) -> str | int:
    if pipeline in ("auto", "none"):
        return pipeline
    try:
        number = int(pipeline) if type(pipeline) in (str, int) else -1
    except ValueError:
        number = -1
    if not 0 <= number <= MOST_REGISTERS:
        raise UsageError(
            f"pipeline must be auto, none or a number of registers from 0 to {MOST_REGISTERS}, not {pipeline!r}"
        )
    return number
