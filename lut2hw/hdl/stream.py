"""The core of a stream: a front end and the network behind it, as one component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amaranth.back import rtlil
from amaranth.hdl import Module, Value
from amaranth.lib import wiring

from lut2hw.hdl.convert import WITH_MEMORIES, VerilogPlatform, from_rtlil
from lut2hw.hdl.core import NetlistCore
from lut2hw.hdl.detect import connect_detector
from lut2hw.hdl.frontends.base import FrontEndCore
from lut2hw.hdl.layout import connect_flat, core_members, flat_members, hand_on
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import TOP, InputPort, OutputPort
from lut2hw.model.detect import Detector
from lut2hw.model.network import LutNetwork
from lut2hw.targets.base import Target

if TYPE_CHECKING:
    from lut2hw.compile.compiler import Compiled
    from lut2hw.compile.options import CompileOptions


class StreamCore(wiring.Component):
    """A front end, and the netlist of a network that reads its bits: samples in, answers of whole sequences out.

    Parameters
    ----------
    network : LutNetwork
        With a front end.
    netlist : Netlist
        Of the network alone, compiled with encoded inputs.
    port : InputPort
        The netlist's input, bits of the encoder.
    latency : int
        Registers of the netlist.
    target : Target or None
        Family of the netlist's primitives. If None, every platform gets its behaviour.
    output : OutputPort
        What the core puts out: the netlist's output, or what a detector makes of it.
    detector : Detector or None
        What looks at a stream without end; None for an answer to each sequence.
    fields : bool
        Payloads are a structure and an enumeration; else plain vectors of the same bits.

    Members
    -------
    i : In(stream.Signature(data.Layout))
        Samples: each channel is a field, and so are ``first`` and ``last``. Of the sample after a last one, and after
        reset, ``first`` need not be set; where it is, a sequence that has begun is dropped.
    o : Out(stream.Signature(classes))
        An answer after each last sample, as of `lut2hw.hdl.core.Core`; of a detector a structure with the fields
        `lut2hw.logic.port.DETECTED` after each window.
    """

    def __init__(
        self,
        network: LutNetwork,
        netlist: Netlist,
        port: InputPort,
        *,
        latency: int,
        target: Target | None,
        output: OutputPort,
        detector: Detector | None = None,
        fields: bool = True,
    ) -> None:
        self.golden, self.netlist, self.port, self.latency, self.target = network, netlist, port, latency, target
        self.detector = detector
        samples = InputPort.of_samples(network.front_end.samples)
        super().__init__(core_members(samples, output, network.answer_names, fields=fields))

    @classmethod
    def of(cls, compiled: Compiled, *, fields: bool = True) -> StreamCore:
        """The core of a compiled network with a front end.

        Parameters
        ----------
        compiled : Compiled
            With encoded inputs.
        fields : bool
            As above.
        """
        return cls(
            compiled.network,
            compiled.netlist,
            compiled.input_port,
            latency=compiled.latency,
            target=compiled.target,
            output=compiled.core_output,
            detector=compiled.options.detector(compiled.network),
            fields=fields,
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        encoder, bits = self.golden.encoder, [field.index for field in self.port.fields]

        def made() -> FrontEndCore:
            core: FrontEndCore = self.golden.front_end.create(encoder.feature[bits], encoder.threshold[bits])
            return core

        m.submodules.network = network = NetlistCore(self.netlist, latency=self.latency, target=self.target)
        if self.detector is not None:
            connect_detector(m, self.detector, self, [made() for _ in range(self.detector.copies)], network)
            return m
        m.submodules.front_end = front_end = made()
        hand_on(m, self.i, front_end.i)
        hand_on(m, front_end.o, network.i)
        hand_on(m, network.o, self.o)
        return m


def create(
    network: LutNetwork,
    target: str | Target = "ice40",
    options: CompileOptions | None = None,
    *,
    fields: bool = True,
    **changes: Any,
) -> StreamCore:
    """Compile a network with a front end and make the component.

    Parameters
    ----------
    network : LutNetwork
        The golden model.
    target : str or Target
        FPGA family, by name or itself.
    options : CompileOptions or None
        What is asked of the compiler; its defaults if None.
    fields : bool
        As for `StreamCore`.
    **changes
        Single options by name.

    Raises
    ------
    UsageError
        For an unknown family or options that make no sense.
    """
    # Here, not above: who simulates or builds a core that is compiled already needs no compiler.
    from lut2hw.compile.compiler import compile_network
    from lut2hw.targets.registry import get

    family = get(target) if isinstance(target, str) else target
    return StreamCore.of(
        compile_network(network, family, options, **{**changes, "encoded_inputs": True}), fields=fields
    )


class _FlatStream(wiring.Component):
    """The core with ports named as those of every core."""

    def __init__(self, core: StreamCore) -> None:
        self.core = core
        super().__init__(flat_members(len(Value.cast(core.i.payload)), len(Value.cast(core.o.payload))))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.stream = self.core
        connect_flat(m, self, self.core)
        return m


def stream_verilog(core: StreamCore) -> str:
    """Verilog of the core, module `TOP` and those in it; the same core gives the same text.

    Parameters
    ----------
    core : StreamCore
        For a target, with plain vectors.

    Raises
    ------
    ToolError
        If yosys fails.
    """
    platform: Any = VerilogPlatform()
    return from_rtlil(
        str(rtlil.convert(_FlatStream(core), name=TOP, platform=platform, emit_src=False)), WITH_MEMORIES
    )
