"""The core of an emitted folder inside an Amaranth design."""

from __future__ import annotations

import hashlib

from amaranth.hdl import ClockSignal, Instance, ResetSignal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lut2hw.artefact.folder import Manifest
from lut2hw.hdl.protocol import Identity


def identity_of(manifest: Manifest) -> Identity:
    """What a chip with this core says of itself."""
    digest = hashlib.sha256(b"".join(map(manifest.file, manifest.sources))).digest()
    return Identity(max(1, manifest.input_port.width), class_bits(manifest), int.from_bytes(digest[:4], "little"))


def class_bits(manifest: Manifest) -> int:
    """Width of the class number."""
    return max(1, (len(manifest.class_names) - 1).bit_length())


class EmittedCore(wiring.Component):
    """An emitted folder's core inside an Amaranth design.

    i: examples, laid out as `manifest.input_port` says. o: class numbers. The Verilog is added to the platform that
    the design is built for; without a platform it must be given to the tools beside the design.
    """

    def __init__(self, manifest: Manifest):
        self.manifest = manifest
        identity = identity_of(manifest)
        super().__init__(
            {"i": In(stream.Signature(identity.input_bits)), "o": Out(stream.Signature(identity.class_bits))}
        )

    def elaborate(self, platform):
        manifest = self.manifest
        if platform is not None:
            for name, text in manifest.verilog.items():
                platform.add_file(name, text)
        clocked = {}
        if manifest.clock:
            clocked = {
                f"i_{manifest.clock}": ClockSignal(),
                f"i_{manifest.reset}": ResetSignal(allow_reset_less=True),
            }
        return Instance(
            manifest.top,
            **clocked,
            i_i__payload=self.i.payload,
            i_i__valid=self.i.valid,
            o_i__ready=self.i.ready,
            o_o__payload=self.o.payload,
            o_o__valid=self.o.valid,
            i_o__ready=self.o.ready,
        )
