"""The core of an emitted folder inside an Amaranth design."""

from __future__ import annotations

import hashlib
from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect, flipped
from numpy.typing import ArrayLike

from lut2hw.artefact.folder import Manifest
from lut2hw.errors import UsageError
from lut2hw.hdl.core import between_streams
from lut2hw.hdl.folded import Engine, Widened
from lut2hw.hdl.layout import beats_signature, class_enum, connect_load, core_members, hand_on, load_members
from lut2hw.hdl.protocol import Identity
from lut2hw.logic.port import LOAD_PORTS, ports_of


def identity_of(manifest: Manifest) -> Identity:
    """What a chip with this core says of itself.

    Parameters
    ----------
    manifest : Manifest
        The emitted folder.
    """
    if manifest.reloadable:
        fingerprint = manifest.program.fingerprint  # what runs, not what it runs on
        return Identity(max(1, manifest.input_port.width), manifest.output_port.width, fingerprint)
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
    beats : bool
        Of a folded core: `i` takes the beats that its Verilog takes, `lut2hw.hdl.layout.beats_signature`; else whole
        examples.

    Attributes
    ----------
    manifest : Manifest
        As given.
    lanes : int or None
        Bits of a beat; None of a core that takes whole examples.
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

    def __init__(self, manifest: Manifest, *, fields: bool = True, beats: bool = False) -> None:
        self.manifest, self.latency = manifest, manifest.latency
        self.classes = class_enum(manifest.class_names) if manifest.class_names else None
        members = core_members(
            manifest.input_port,
            manifest.output_port,
            manifest.class_names,
            fields=fields,
            interface=manifest.options.interface,
        )
        self.lanes = manifest.program.shape.lanes if manifest.folded and beats else None
        if self.lanes is not None:
            members["i"] = In(beats_signature(self.lanes))
        if manifest.reloadable:
            members |= load_members()
        super().__init__(members)

    def payloads(self, x: ArrayLike) -> list[dict[str, int]]:
        """Raw features (n, n_features), as `LutNetwork.predict` takes them, to n values for `i.payload`.

        Parameters
        ----------
        x : ArrayLike
            Raw features (n, n_features).
        """
        network = self.manifest.network
        if self.manifest.stream:
            raise UsageError("a core with a front end takes samples, not features")
        return self.manifest.input_port.values_of(network, network.features.integers_of(x))

    def elaborate(self, platform: Any) -> Module | Instance:
        manifest = self.manifest
        if manifest.folded and self.lanes is None:
            return _widened(self, platform)
        if manifest.folded and platform is None:
            m = Module()
            m.submodules.engine = engine = Engine(manifest.program)
            connect(m, flipped(self.i), engine.i)
            if manifest.reloadable:
                connect_load(m, self, engine)
            hand_on(m, engine.o, self.o)
            return m
        if platform is None and manifest.stream:
            m = Module()
            m.submodules.stream = core = manifest.stream_core(None)
            hand_on(m, self.i, core.i)
            hand_on(m, core.o, self.o)
            return m
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
        into, out = ports_of(manifest.options.interface)
        return Instance(
            manifest.top,
            *(("o" if part == "ready" else "i", name, getattr(self.i, part)) for part, name in into.items()),
            *(("i" if part == "ready" else "o", name, getattr(self.o, part)) for part, name in out.items()),
            *_load_ports(self),
            **clocked,
        )


def _load_ports(core: EmittedCore) -> list[tuple[str, str, Any]]:
    """The ports of its Verilog through which another program comes in."""
    if not core.manifest.reloadable:
        return []
    return [
        ("i", LOAD_PORTS["payload"], core.load.payload),
        ("i", LOAD_PORTS["valid"], core.load.valid),
        ("o", LOAD_PORTS["ready"], core.load.ready),
        ("o", LOAD_PORTS["good"], core.load_good),
    ]


def _widened(core: EmittedCore, platform: Any) -> Module:
    """A folded core behind what makes beats of whole examples."""
    m = Module()
    manifest = core.manifest
    wide = Widened(
        EmittedCore(manifest, fields=False, beats=True), manifest.program.shape, dict(core.signature.members)
    )
    m.submodules.wide = wide
    connect(m, flipped(core.i), wide.i)
    connect(m, wide.o, flipped(core.o))
    if manifest.reloadable:
        connect_load(m, core, wide)
    return m
