"""A core with a link around it: the Verilog that other designs take, and what a board's chip is made of."""

from __future__ import annotations

import hashlib

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from lut2hw.artefact.folder import Manifest
from lut2hw.errors import Lut2hwError, unknown_name
from lut2hw.hdl import links
from lut2hw.hdl.protocol import Identity


def identity_of(manifest: Manifest) -> Identity:
    """What a chip with this core says of itself."""
    try:
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in manifest.source_paths)).digest()
    except OSError as error:
        raise Lut2hwError(f"cannot read {error.filename}: {error.strerror}; emit the core again") from None
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
            for path in manifest.source_paths:
                platform.add_file(path.name, path.read_text())
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


class LinkedCore(wiring.Component):
    """A core behind a link; its ports are the link's outer side.

    core: any component with streams `i` and `o`, an `EmittedCore` or a `lut2hw.hdl.core.Core`.
    """

    def __init__(self, link: links.Link, core: wiring.Component):
        self.link, self.core = link, core
        super().__init__(
            {name: member for name, member in link.signature.members.items() if name not in ("features", "answer")}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.core = core = self.core
        connect(m, link.features, core.i)
        connect(m, core.o, link.answer)
        for name, member in self.signature.members.items():
            outer, inner = getattr(self, name), getattr(link, name)
            m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
        return m


LINKS = ("uart", "spi", "axi-stream", "wishbone")
"""Names of the links that `make_link` makes."""


def make_link(
    name: str, identity: Identity, *, clock_hz: float = 12e6, baud: int = 115200, data_bytes: int = 4
) -> links.Link:
    """A link by name. clock_hz, baud: of a UART. data_bytes: width of an AXI-Stream's input."""
    if name == "uart":
        return links.Uart(identity, links.uart_divisor(clock_hz, baud))
    if name == "spi":
        return links.Spi(identity)
    if name == "axi-stream":
        return links.AxiStream(identity, data_bytes)
    if name == "wishbone":
        return links.Wishbone(identity)
    raise unknown_name("link", name, LINKS)


def to_verilog(linked: LinkedCore, name: str) -> str:
    """Verilog of link and core, top module `name`; an `EmittedCore`'s own Verilog is a separate file."""
    text = rtlil.convert(linked, name=name, emit_src=False)
    # Not amaranth.back.verilog: it leaves `always @*` blocks on state machines, which a simulator need not run
    # before the first change, so outputs that depend on the initial state alone would be unknown until then.
    yosys = find_yosys(lambda version: version >= (0, 40))
    script = f"""read_rtlil <<rtlil
{text}
rtlil
proc
opt_clean
attrmap -remove generator -remove top -remove src -remove amaranth.hierarchy -remove amaranth.decoding
attrmap -modattr -remove generator -remove top -remove src -remove amaranth.hierarchy -remove amaranth.decoding
write_verilog"""
    return yosys.run(["-q", "-"], script, ignore_warnings=True)
