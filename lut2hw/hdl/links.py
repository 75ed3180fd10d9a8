"""Links: hardware that carries examples to a core and classes back.

Every link is a `wiring.Component` with the same inner side: `features`, a stream to the core whose payload is the
vector of `lut2hw.logic.port`, and `answer`, a stream from the core whose payload is the class number. The outer
side is a UART, an SPI peripheral, AXI4-Stream or a Wishbone register block. UART and SPI speak
`lut2hw.hdl.protocol`.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.crc import Parameters, Processor, catalog
from amaranth.lib.wiring import In, Out, connect, flipped

from lut2hw.errors import UsageError
from lut2hw.hdl import protocol
from lut2hw.hdl.protocol import END, ESC, ESC_END, ESC_ESC, Identity

CRC: Parameters = catalog.CRC16_IBM_3740(data_width=8)


class Link(wiring.Component):
    """Base of all links: `outer` members, and the two streams that face the core."""

    def __init__(self, identity: Identity, outer: dict[str, wiring.Member]):
        self.identity = identity
        super().__init__(
            {
                **outer,
                "features": Out(stream.Signature(identity.input_bits)),
                "answer": In(stream.Signature(identity.class_bits)),
            }
        )

    def _held_answer(self, m: Module) -> stream.Interface:
        """The answer behind a register: a core without one takes an example only together with its answer."""
        held = stream.Signature(self.identity.class_bits).create(path=("held",))
        m.d.comb += self.answer.ready.eq(~held.valid)
        with m.If(self.answer.valid & ~held.valid):
            m.d.sync += [held.payload.eq(self.answer.payload), held.valid.eq(1)]
        with m.If(held.valid & held.ready):
            m.d.sync += held.valid.eq(0)
        return held


class FrameReceiver(wiring.Component):
    """Frames in, requests out.

    bytes: escaped bytes as they come from the wire. features: the vector of a classify request. request: one of the
    `REQUEST_*` kinds with its tag, after the features have been taken.
    """

    REQUEST_CLASSIFY, REQUEST_IDENTIFY, REQUEST_DAMAGED = range(3)

    def __init__(self, identity: Identity):
        self._identity = identity
        super().__init__(
            {
                "bytes": In(stream.Signature(8)),
                "features": Out(stream.Signature(identity.input_bits)),
                "tag": Out(8),
                "kind": Out(2),
                "request_valid": Out(1),
                "request_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        n = self._identity.input_bytes
        vector = Signal(8 * n)
        left = Signal(range(n + 1))
        escaped = Signal()
        byte = Signal(8)
        is_data = Signal()
        ended = Signal()
        bad = Signal()
        m.submodules.crc = crc = Processor(CRC)
        m.d.comb += [
            self.features.payload.eq(vector),
            byte.eq(Mux(escaped, Mux(self.bytes.payload == ESC_END, END, ESC), self.bytes.payload)),
            ended.eq(self.bytes.valid & self.bytes.ready & (self.bytes.payload == END)),
            is_data.eq(
                self.bytes.valid
                & self.bytes.ready
                & (self.bytes.payload != END)
                & (escaped | (self.bytes.payload != ESC))
            ),
            bad.eq(self.bytes.valid & escaped & (self.bytes.payload != ESC_END) & (self.bytes.payload != ESC_ESC)),
            crc.data.eq(byte),
            crc.valid.eq(is_data),
        ]
        with m.If(self.bytes.valid & self.bytes.ready):
            m.d.sync += escaped.eq(~escaped & (self.bytes.payload == ESC))

        with m.FSM():
            with m.State("TAG"):
                m.d.comb += self.bytes.ready.eq(1)
                m.d.sync += left.eq(n - 1)
                with m.If(bad):  # an END after ESC counts too
                    m.next = "BAD"
                    with m.If(ended):
                        m.d.sync += self.kind.eq(self.REQUEST_DAMAGED)
                        m.next = "REQUEST"
                with m.Elif(is_data):
                    m.d.sync += self.tag.eq(byte)
                    m.next = "PAYLOAD"
                    with m.If(byte == protocol.TAG_IDENTIFY):
                        m.next = "CRC"
                    with m.If(byte == protocol.TAG_DAMAGED):
                        m.next = "BAD"
            with m.State("PAYLOAD"):
                m.d.comb += self.bytes.ready.eq(1)
                with m.If(is_data):
                    m.d.sync += [vector.eq(Cat(vector[8:], byte)), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.next = "CRC"
                self._damage(m, bad, ended)
            for state, after in ("CRC", "CRC2"), ("CRC2", "END"):
                with m.State(state):
                    m.d.comb += self.bytes.ready.eq(1)
                    with m.If(is_data):
                        m.next = after
                    self._damage(m, bad, ended)
            with m.State("END"):
                m.d.comb += self.bytes.ready.eq(1)
                with m.If(is_data | bad):
                    m.next = "BAD"
                with m.If(ended):
                    m.d.sync += self.kind.eq(self.REQUEST_DAMAGED)
                    m.next = "REQUEST"
                    with m.If(crc.match_detected & ~bad):
                        with m.If(self.tag == protocol.TAG_IDENTIFY):
                            m.d.sync += self.kind.eq(self.REQUEST_IDENTIFY)
                        with m.Else():
                            m.d.sync += self.kind.eq(self.REQUEST_CLASSIFY)
                            m.next = "FEATURES"
            with m.State("BAD"):
                m.d.comb += self.bytes.ready.eq(1)
                self._damage(m, bad, ended)
            with m.State("FEATURES"):
                m.d.comb += self.features.valid.eq(1)
                with m.If(self.features.ready):
                    m.next = "REQUEST"
            with m.State("REQUEST"):
                m.d.comb += [self.request_valid.eq(1), crc.start.eq(1)]
                with m.If(self.request_ready):
                    m.next = "TAG"
        return m

    def _damage(self, m: Module, bad: Signal, ended: Signal) -> None:
        """What every state inside a frame does on a wrong escape, and on an END that comes too early."""
        with m.If(bad):
            m.next = "BAD"
        with m.If(ended):
            m.d.sync += self.kind.eq(self.REQUEST_DAMAGED)
            m.next = "REQUEST"


class FrameTransmitter(wiring.Component):
    """Requests and answers in, frames out. The answer is taken when its frame is on its way."""

    def __init__(self, identity: Identity):
        self._identity = identity
        super().__init__(
            {
                "tag": In(8),
                "kind": In(2),
                "request_valid": In(1),
                "request_ready": Out(1),
                "answer": In(stream.Signature(identity.class_bits)),
                "bytes": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        kinds = FrameReceiver
        identity = self._identity
        tag, kind = Signal(8), Signal(2)
        body = Signal(8)
        at = Signal(range(protocol.IDENTITY_BYTES + 1))
        last = Signal.like(at)
        escape_next = Signal()
        out = Signal(8)
        taken = Signal()  # `out` is through, escape included
        m.submodules.crc = crc = Processor(CRC)
        name = identity.to_bytes()
        answer = Cat(self.answer.payload, Const(0, 8 * identity.class_bytes - identity.class_bits))

        with m.Switch(kind):
            with m.Case(kinds.REQUEST_CLASSIFY):
                m.d.comb += last.eq(identity.class_bytes)
            with m.Case(kinds.REQUEST_IDENTIFY):
                m.d.comb += last.eq(protocol.IDENTITY_BYTES)
        with m.If(at == 0):
            m.d.comb += body.eq(tag)
        with m.Elif(kind == kinds.REQUEST_IDENTIFY):
            m.d.comb += body.eq(Array(Const(byte, 8) for byte in (0, *name))[at])
        with m.Else():
            m.d.comb += body.eq(Array((0, *(answer.word_select(i, 8) for i in range(identity.class_bytes))))[at])
        m.d.comb += crc.data.eq(body)

        def escaped(data):
            special = (data == END) | (data == ESC)
            m.d.comb += [
                self.bytes.valid.eq(1),
                out.eq(data),
                self.bytes.payload.eq(Mux(escape_next, Mux(data == END, ESC_END, ESC_ESC), Mux(special, ESC, data))),
                taken.eq(self.bytes.ready & (escape_next | ~special)),
            ]
            with m.If(self.bytes.ready):
                m.d.sync += escape_next.eq(special & ~escape_next)

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += [at.eq(0), kind.eq(self.kind)]
                with m.If(self.kind == kinds.REQUEST_CLASSIFY):
                    m.d.comb += self.request_ready.eq(self.answer.valid)
                    m.d.sync += tag.eq(self.tag)
                with m.Else():
                    m.d.comb += self.request_ready.eq(1)
                    m.d.sync += tag.eq(
                        Mux(self.kind == kinds.REQUEST_IDENTIFY, protocol.TAG_IDENTIFY, protocol.TAG_DAMAGED)
                    )
                with m.If(self.request_valid & self.request_ready):
                    m.next = "START"
            with m.State("START"):
                m.d.comb += [self.bytes.valid.eq(1), self.bytes.payload.eq(END)]
                with m.If(self.bytes.ready):
                    m.next = "BODY"
            with m.State("BODY"):
                escaped(body)
                m.d.comb += crc.valid.eq(taken)
                with m.If(taken):
                    m.d.sync += at.eq(at + 1)
                    with m.If(at == last):
                        m.d.comb += self.answer.ready.eq(kind == kinds.REQUEST_CLASSIFY)
                        m.next = "CRC"
            with m.State("CRC"):
                escaped(crc.crc[8:])
                with m.If(taken):
                    m.next = "CRC2"
            with m.State("CRC2"):
                escaped(crc.crc[:8])
                with m.If(taken):
                    m.next = "END"
            with m.State("END"):
                m.d.comb += [self.bytes.valid.eq(1), self.bytes.payload.eq(END)]
                with m.If(self.bytes.ready):
                    m.next = "IDLE"
        return m


class Framing(Link):
    """Both directions of the protocol between byte streams `rx`, `tx` and the core."""

    def __init__(self, identity: Identity):
        super().__init__(identity, {"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = FrameReceiver(self.identity)
        m.submodules.transmitter = transmitter = FrameTransmitter(self.identity)
        connect(m, flipped(self.rx), receiver.bytes)
        connect(m, receiver.features, flipped(self.features))
        connect(m, self._held_answer(m), transmitter.answer)
        connect(m, transmitter.bytes, flipped(self.tx))
        m.d.comb += [
            transmitter.tag.eq(receiver.tag),
            transmitter.kind.eq(receiver.kind),
            transmitter.request_valid.eq(receiver.request_valid),
            receiver.request_ready.eq(transmitter.request_ready),
        ]
        return m


def uart_divisor(clock_hz: float, baud: int) -> int:
    """Clock cycles per bit. Errors: `UsageError` if no whole number of at least 6 is within 2 % of it."""
    if baud <= 0:
        raise UsageError(f"the baud rate must be positive, not {baud}")
    divisor = round(clock_hz / baud)
    if divisor < 6:
        raise UsageError(
            f"{baud} baud is too fast for a clock of {clock_hz / 1e6:g} MHz; use at most {clock_hz / 6:.0f}"
        )
    error = clock_hz / divisor / baud - 1
    if abs(error) > 0.02:
        raise UsageError(
            f"a clock of {clock_hz / 1e6:g} MHz makes {clock_hz / divisor:.0f} baud instead of {baud} "
            f"({error:+.1%}); choose a rate that divides it, such as {clock_hz / divisor:.0f}"
        )
    return divisor


class UartReceiver(wiring.Component):
    """8N1 bytes from the line `rx`. A byte nobody takes before the next one is complete is lost."""

    def __init__(self, divisor: int):
        self._divisor = divisor
        super().__init__({"rx": In(1, init=1), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        rx = Signal(init=1)
        m.submodules += FFSynchronizer(self.rx, rx, init=1)
        timer = Signal(range(self._divisor))
        shift = Signal(8)
        left = Signal(range(9))
        with m.If(self.bytes.ready):
            m.d.sync += self.bytes.valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                # Half a bit to the middle of the start bit; two cycles have gone in the synchronizer.
                m.d.sync += [timer.eq(max(self._divisor // 2 - 3, 0)), left.eq(8)]
                with m.If(~rx):
                    m.next = "START"
            with m.State("START"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += timer.eq(self._divisor - 1)
                    m.next = "BITS"
                    with m.If(rx):
                        m.next = "IDLE"
            with m.State("BITS"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self._divisor - 1), left.eq(left - 1)]
                    with m.If(left != 0):
                        m.d.sync += shift.eq(Cat(shift[1:], rx))
                    with m.Else():
                        with m.If(rx):  # a stop bit, else a break or noise
                            m.d.sync += [self.bytes.payload.eq(shift), self.bytes.valid.eq(1)]
                        m.next = "STOP"
            with m.State("STOP"), m.If(rx):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to the line `tx` as 8N1."""

    def __init__(self, divisor: int):
        self._divisor = divisor
        super().__init__({"tx": Out(1, init=1), "bytes": In(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self._divisor))
        shift = Signal(9, init=0x1FF)
        left = Signal(range(10))
        m.d.comb += [self.tx.eq(shift[0]), self.bytes.ready.eq((left == 0) & (timer == 0))]
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [shift.eq(Cat(shift[1:], Const(1, 1))), left.eq(left - 1), timer.eq(self._divisor - 1)]
        with m.Elif(self.bytes.valid):
            m.d.sync += [shift.eq(Cat(Const(0, 1), self.bytes.payload)), left.eq(9), timer.eq(self._divisor - 1)]
        return m


class Uart(Link):
    """UART link, 8N1.

    divisor: clock cycles per bit (`uart_divisor`). rx, tx: the lines, idle high; rx is synchronized here.
    """

    def __init__(self, identity: Identity, divisor: int):
        self.divisor = divisor
        super().__init__(identity, {"rx": In(1, init=1), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.framing = framing = Framing(self.identity)
        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        connect(m, receiver.bytes, framing.rx)
        connect(m, framing.tx, transmitter.bytes)
        connect(m, framing.features, flipped(self.features))
        connect(m, flipped(self.answer), framing.answer)
        return m


class Spi(Link):
    """SPI peripheral, mode 0 (CPOL 0, CPHA 0), most significant bit first.

    The lines are sampled with the clock, which must be at least ten times as fast as `sck`. While there is nothing
    to say `cipo` carries `END`; `cipo_oe` is high while the chip is selected.
    """

    def __init__(self, identity: Identity):
        super().__init__(
            identity, {"sck": In(1), "cs_n": In(1, init=1), "copi": In(1), "cipo": Out(1), "cipo_oe": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.framing = framing = Framing(self.identity)
        sck, cs_n, copi = Signal(), Signal(init=1), Signal()
        m.submodules += [
            FFSynchronizer(self.sck, sck),
            FFSynchronizer(self.cs_n, cs_n, init=1),
            FFSynchronizer(self.copi, copi),
        ]
        before = Signal()
        shift_in, shift_out = Signal(7), Signal(8, init=END)
        at = Signal(3)
        m.d.sync += before.eq(sck)
        m.d.comb += [self.cipo.eq(shift_out[7]), self.cipo_oe.eq(~cs_n)]
        with m.If(framing.rx.ready):
            m.d.sync += framing.rx.valid.eq(0)

        begun = Signal()  # some of the byte in shift_out is out
        load = Signal()
        with m.If(cs_n):
            m.d.sync += at.eq(0)
        with m.Elif(sck & ~before):
            m.d.sync += [shift_in.eq(Cat(copi, shift_in)), at.eq(at + 1), begun.eq(1)]
            with m.If(at == 7):
                m.d.sync += [framing.rx.payload.eq(Cat(copi, shift_in)), framing.rx.valid.eq(1)]
        with m.Elif(~sck & before):
            m.d.sync += shift_out.eq(Cat(Const(0, 1), shift_out))
            with m.If(at == 0):
                m.d.comb += load.eq(1)
        with m.If(load):
            m.d.comb += framing.tx.ready.eq(1)
            m.d.sync += [shift_out.eq(Mux(framing.tx.valid, framing.tx.payload, END)), begun.eq(0)]
        with m.If(cs_n & begun):
            # Deselected inside a byte: that byte is gone, the frame's CRC tells the host.
            m.d.sync += [shift_out.eq(END), begun.eq(0)]

        connect(m, framing.features, flipped(self.features))
        connect(m, flipped(self.answer), framing.answer)
        return m


class AxiStream(Link):
    """AXI4-Stream link: one packet of features in, one beat with the class out.

    data_bytes: width of the input's TDATA. A packet has `beats` beats, byte 0 of the vector in TDATA[7:0] of the
    first, TLAST on the last one. A packet of another length is answered by a beat with TUSER 1 whose TDATA means
    nothing. The output's TDATA is as many bytes as the class needs, and TLAST is always 1.
    """

    def __init__(self, identity: Identity, data_bytes: int = 4):
        if data_bytes < 1:
            raise UsageError(f"AXI-Stream data must be at least one byte wide, not {data_bytes}")
        self.data_bytes = data_bytes
        self.beats = -(-identity.input_bytes // data_bytes)
        super().__init__(
            identity,
            {
                "s_axis_tdata": In(8 * data_bytes),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(8 * identity.class_bytes),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "m_axis_tuser": Out(1),
            },
        )

    def elaborate(self, platform):
        m = Module()
        width = 8 * self.data_bytes
        vector = Signal(width * self.beats)
        left = Signal(range(self.beats), init=self.beats - 1)
        long = Signal()
        answer = self._held_answer(m)
        m.d.comb += [self.features.payload.eq(vector), self.m_axis_tlast.eq(1), self.m_axis_tdata.eq(answer.payload)]
        with m.FSM():
            with m.State("BEATS"):
                m.d.comb += self.s_axis_tready.eq(1)
                with m.If(self.s_axis_tvalid):
                    m.d.sync += [vector.eq(Cat(vector, self.s_axis_tdata)[width:]), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.d.sync += [left.eq(0), long.eq(1)]
                    with m.If(self.s_axis_tlast):
                        m.d.sync += [left.eq(self.beats - 1), long.eq(0)]
                        m.next = "WRONG"
                        with m.If((left == 0) & ~long):
                            m.next = "FEATURES"
            with m.State("FEATURES"):
                m.d.comb += self.features.valid.eq(1)
                with m.If(self.features.ready):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += [self.m_axis_tvalid.eq(answer.valid), answer.ready.eq(self.m_axis_tready)]
                with m.If(answer.valid & self.m_axis_tready):
                    m.next = "BEATS"
            with m.State("WRONG"):
                m.d.comb += [self.m_axis_tvalid.eq(1), self.m_axis_tuser.eq(1)]
                with m.If(self.m_axis_tready):
                    m.next = "BEATS"
        return m


class Wishbone(Link):
    """Wishbone B4 classic peripheral, 32-bit data, addresses in words.

    | word | name | access | content |
    | --- | --- | --- | --- |
    | 0 | ID | r | 0x3254554C, "LUT2" |
    | 1 | FINGERPRINT | r | of the core, `Identity.fingerprint` |
    | 2 | WIDTHS | r | bits 23:0 input bits, 31:24 class bits |
    | 3 | STATUS | r | bit 0 a new example can be started, bit 1 an answer waits |
    | 4 | START | w | any value: classify what is in FEATURES; ignored unless STATUS bit 0 is set |
    | 5 | CLASS | r | the class; reading it frees the core for the next example |
    | 64.. | FEATURES | w | bit i of the vector is bit i % 32 of word 64 + i // 32 |

    Other words read as zero and ignore writes; FEATURES must not be written between START and the answer.
    """

    ID, FINGERPRINT, WIDTHS, STATUS, START, CLASS, FEATURES = 0, 1, 2, 3, 4, 5, 64
    MAGIC = int.from_bytes(b"LUT2", "little")

    def __init__(self, identity: Identity):
        self.words = -(-identity.input_bits // 32)
        self.address_bits = (self.FEATURES + self.words - 1).bit_length()
        super().__init__(
            identity,
            {
                "wb_cyc": In(1),
                "wb_stb": In(1),
                "wb_we": In(1),
                "wb_adr": In(self.address_bits),
                "wb_sel": In(4),
                "wb_dat_w": In(32),
                "wb_dat_r": Out(32),
                "wb_ack": Out(1),
            },
        )

    def elaborate(self, platform):
        m = Module()
        identity = self.identity
        answer = self._held_answer(m)
        vector = Signal(32 * self.words)
        waiting, started = Signal(), Signal()  # in the core; offered to the core
        access = Signal()
        m.d.comb += [
            self.features.payload.eq(vector),
            self.features.valid.eq(started),
            access.eq(self.wb_cyc & self.wb_stb & ~self.wb_ack),
        ]
        m.d.sync += self.wb_ack.eq(access)
        with m.If(started & self.features.ready):
            m.d.sync += started.eq(0)
        with m.If(answer.valid & answer.ready):
            m.d.sync += waiting.eq(0)
        with m.If(access & self.wb_we), m.Switch(self.wb_adr):
            with m.Case(self.START), m.If(~waiting):
                m.d.sync += [waiting.eq(1), started.eq(1)]
            for word in range(self.words):
                with m.Case(self.FEATURES + word):
                    for byte in range(4):
                        at = slice(32 * word + 8 * byte, 32 * word + 8 * byte + 8)
                        with m.If(self.wb_sel[byte]):
                            m.d.sync += vector[at].eq(self.wb_dat_w[8 * byte : 8 * byte + 8])
        with m.If(access & ~self.wb_we):
            m.d.sync += self.wb_dat_r.eq(0)
            with m.Switch(self.wb_adr):
                with m.Case(self.ID):
                    m.d.sync += self.wb_dat_r.eq(self.MAGIC)
                with m.Case(self.FINGERPRINT):
                    m.d.sync += self.wb_dat_r.eq(identity.fingerprint)
                with m.Case(self.WIDTHS):
                    m.d.sync += self.wb_dat_r.eq(identity.input_bits | identity.class_bits << 24)
                with m.Case(self.STATUS):
                    m.d.sync += self.wb_dat_r.eq(Cat(~waiting, answer.valid))
                with m.Case(self.CLASS):
                    m.d.comb += answer.ready.eq(1)
                    m.d.sync += self.wb_dat_r.eq(answer.payload)
        return m
