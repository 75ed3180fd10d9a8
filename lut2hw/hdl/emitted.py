"""The core of an emitted folder inside an Amaranth design."""

from __future__ import annotations

import hashlib
from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring
from numpy.typing import ArrayLike

from lut2hw.artefact.folder import Manifest
from lut2hw.hdl.core import between_streams
from lut2hw.hdl.layout import class_enum, core_members
from lut2hw.hdl.protocol import Identity
from lut2hw.logic.port import INPUT_PORTS, OUTPUT_PORTS


def identity_of(manifest: Manifest) -> Identity:
    """What a chip with this core says of itself.

    Parameters
    ----------
    manifest : Manifest
        The emitted folder.
    """
    digest = hashlib.sha256(b"".join(map(manifest.file, manifest.sources))).digest()
    return Identity(
        max(1, manifest.input_port.width), manifest.output_port.width, int.from_bytes(digest[:4], "little")
    )


class EmittedCore(wiring.Component):
    """The core of an emitted folder; beside `lut2hw.hdl.core.Core`, it stands for what was emitted and verified.

    Without a platform it is described by the behaviour of the folder's netlist, for Amaranth's simulator; for a
    platform it is an instance of the folder's Verilog, which is added to the platform's files.

    Parameters
    ----------
    manifest : Manifest
        The folder, as `lut2hw.artefact.folder.load` returns it.
    fields : bool
        Payloads are a structure and an enumeration; else plain vectors of the same bits.

    Attributes
    ----------
    manifest : Manifest
        As given.
    latency : int
        Clocks from an example to its answer while nothing stalls; 0 for a core without registers.
    classes : amaranth.lib.enum.EnumType or None
        The classes; ``core.classes(number)`` is the one of that number. None where the answer is numbers or labels.

    Members
    -------
    i : In(stream.Signature(data.Layout))
        Examples, each feature that the network reads a field, as in `lut2hw.hdl.core.Core`.
    o : Out(stream.Signature(classes))
        Answers, as in `lut2hw.hdl.core.Core`.
    """

    def __init__(self, manifest: Manifest, *, fields: bool = True) -> None:
        self.manifest, self.latency = manifest, manifest.latency
        self.classes = class_enum(manifest.class_names) if manifest.class_names else None
        super().__init__(core_members(manifest.input_port, manifest.output_port, manifest.class_names, fields=fields))

    def payloads(self, x: ArrayLike) -> list[dict[str, int]]:
        """Raw features (n, n_features), as `LutNetwork.predict` takes them, to n values for `i.payload`.

        Parameters
        ----------
        x : ArrayLike
            Raw features (n, n_features).
        """
        network = self.manifest.network
        return self.manifest.input_port.values_of(network, network.features.integers_of(x))

    def elaborate(self, platform: Any) -> Module | Instance:
        manifest = self.manifest
        if platform is None:
            return between_streams(manifest.netlist, manifest.latency, self.i, self.o, None)
        for name, text in manifest.verilog.items():
            platform.add_file(name, text)
        clocked: dict[str, Any] = {}
        if manifest.clock:
            clocked = {
                f"i_{manifest.clock}": ClockSignal(),
                f"i_{manifest.reset}": ResetSignal(allow_reset_less=True),
            }
        return Instance(
            manifest.top,
            *(("o" if part == "ready" else "i", name, getattr(self.i, part)) for part, name in INPUT_PORTS.items()),
            *(("i" if part == "ready" else "o", name, getattr(self.o, part)) for part, name in OUTPUT_PORTS.items()),
            **clocked,
        )
