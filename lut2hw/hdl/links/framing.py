"""Frames: the protocol of `lut2hw.hdl.protocol` between byte streams and the core, for every serial link."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Instance, Module, Mux, Signal, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.crc import Parameters, Processor, catalog
from amaranth.lib.wiring import In, Out, connect, flipped

from lut2hw.fold.program import RESTART
from lut2hw.hdl import protocol
from lut2hw.hdl.layout import beats_signature, connect_load, load_members
from lut2hw.hdl.links.base import Link
from lut2hw.hdl.protocol import END, ESC, ESC_END, ESC_ESC, Identity

CRC: Parameters = catalog.CRC16_IBM_3740(data_width=8)


def lanes_of(lanes: int | None) -> int | None:
    """Bits of a beat if beats can be made of bytes, else None: whole examples.

    Parameters
    ----------
    lanes : int or None
        That the core takes.
    """
    return lanes if lanes is not None and lanes <= 8 else None


class FrameReceiver(wiring.Component):
    """Frames in, requests out.

    Parameters
    ----------
    identity : Identity
        Of the core behind the link.
    lanes : int or None
        Bits of a beat that the core takes, a divisor of 8; None for one that takes whole examples.
    engine : int or None
        Fingerprint of the engine whose programs are taken.

    Members
    -------
    bytes : In(stream.Signature(8))
        Escaped bytes as they come from the wire.
    features : Out(stream.Signature(identity.input_bits))
        The vector of a classify request. With `lanes` its beats after a restart, each byte as soon as it has come,
        the last one only when the checksum is right.
    tag : Out(8)
        Of the request.
    kind : Out(2)
        One of the `REQUEST_*` kinds.
    request_valid : Out(1)
        A request is there; if it is to classify, its features have been taken.
    request_ready : In(1)
        It is taken.
    load, load_good, fingerprint
        With `engine`: another program for the core, and the fingerprint of the one that runs.
    """

    REQUEST_CLASSIFY, REQUEST_IDENTIFY, REQUEST_DAMAGED, REQUEST_LOAD = range(4)

    def __init__(self, identity: Identity, lanes: int | None = None, engine: int | None = None):
        self._identity, self._lanes, self._engine = identity, lanes, engine
        more = {name: member.flip() for name, member in load_members().items()} | {"fingerprint": Out(32)}
        super().__init__(
            (more if engine is not None else {})
            | {
                "bytes": In(stream.Signature(8)),
                "features": Out(stream.Signature(identity.input_bits) if lanes is None else beats_signature(lanes)),
                "tag": Out(8),
                "kind": Out(2),
                "request_valid": Out(1),
                "request_ready": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        n, lanes = self._identity.input_bytes, self._lanes
        vector = Signal(8 if lanes else 8 * n)
        left = Signal(range(n + 1))
        escaped = Signal()
        byte = Signal(8)
        is_data = Signal()
        ended = Signal()
        bad = Signal()
        m.submodules.crc = crc = Processor(CRC)
        beat, payload = Signal(range(8)), vector if lanes is None else Cat(Const(0, RESTART), vector[:lanes])
        m.d.comb += [
            self.features.payload.eq(payload),
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
                    m.next = "PAYLOAD" if lanes is None else "RESTART"
                    with m.If(byte == protocol.TAG_IDENTIFY):
                        m.next = "CRC"
                    with m.If(byte == protocol.TAG_DAMAGED):
                        m.next = "BAD"
                    if self._engine is not None:
                        with m.If(byte == protocol.TAG_LOAD):
                            m.next = "LOAD_HEAD"
            with m.State("PAYLOAD"):
                m.d.comb += self.bytes.ready.eq(1)
                with m.If(is_data):
                    m.d.sync += [vector.eq(Cat(vector[8:], byte)), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.next = "CRC"
                    if lanes:
                        with m.Else():
                            m.next = "SEND"
                self._damage(m, bad, ended)
            if lanes:
                with m.State("RESTART"):
                    m.d.comb += [self.features.valid.eq(1), self.features.payload.eq(1)]
                    m.d.sync += beat.eq(0)
                    with m.If(self.features.ready):
                        m.next = "PAYLOAD"
                with m.State("SEND"):
                    self._send(m, vector, beat, lanes, 8 // lanes, "PAYLOAD")
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
            if self._engine is not None:
                self._load_states(m, byte, is_data, bad, ended, crc.match_detected)
            with m.State("FEATURES"):
                if lanes:
                    rest = self._identity.input_bits - 8 * (n - 1)
                    self._send(m, vector, beat, lanes, -(-rest // lanes), "REQUEST")
                else:
                    m.d.comb += self.features.valid.eq(1)
                    with m.If(self.features.ready):
                        m.next = "REQUEST"
            with m.State("REQUEST"):
                m.d.comb += [self.request_valid.eq(1), crc.start.eq(1)]
                with m.If(self.request_ready):
                    m.next = "TAG"
        return m

    def _load_states(
        self, m: Module, byte: Signal, is_data: Signal, bad: Signal, ended: Signal, crc_good: Signal
    ) -> None:
        """Take another program: engine and fingerprint, then rows, of which the last two bytes are the checksum."""
        assert self._engine is not None
        at, foreign, waiting = Signal(3), Signal(), Signal(range(3))
        pending, running = Signal(32), Signal(32, init=self._identity.fingerprint, reset_less=True)
        held = Signal(16)
        head = self._engine.to_bytes(4, "little")
        m.d.comb += self.fingerprint.eq(running)
        with m.State("LOAD_HEAD"):
            m.d.comb += self.bytes.ready.eq(1)
            m.d.sync += waiting.eq(0)
            with m.If(at == 0):
                m.d.comb += [self.load.valid.eq(1), self.load.payload.eq(1)]
                m.d.sync += foreign.eq(0)
            with m.If(is_data):
                m.d.sync += [at.eq(at + 1), pending.eq(Cat(pending[8:], byte))]
                for number, right in enumerate(head):
                    with m.If((at == number) & (byte != right)):
                        m.d.sync += foreign.eq(1)
                with m.If(at == 7):
                    m.next = "LOAD_ROWS"
            self._damage(m, bad, ended)
            with m.If(bad | ended):
                m.d.sync += at.eq(0)
        with m.State("LOAD_ROWS"):
            m.d.comb += [self.bytes.ready.eq(1), self.load.payload[2:].eq(held[:8])]
            with m.If(is_data):
                m.d.sync += held.eq(Cat(held[8:], byte))
                with m.If(waiting == 2):
                    m.d.comb += self.load.valid.eq(1)
                with m.Else():
                    m.d.sync += waiting.eq(waiting + 1)
            self._damage(m, bad, ended)
            with m.If(ended & ~bad & crc_good & ~foreign & self.load_good & (waiting == 2)):
                m.next = "COMMIT"
        with m.State("COMMIT"):
            m.d.comb += [self.load.valid.eq(1), self.load.payload.eq(2)]
            with m.If(self.load.ready):
                m.d.sync += [running.eq(pending), self.kind.eq(self.REQUEST_LOAD)]
                m.next = "REQUEST"

    def _send(self, m: Module, vector: Signal, beat: Signal, lanes: int, count: int, after: str) -> None:
        """Hand on as many beats of a byte, the lowest bits first."""
        m.d.comb += self.features.valid.eq(1)
        with m.If(self.features.ready):
            m.d.sync += [vector.eq(vector >> lanes), beat.eq(beat + 1)]
            with m.If(beat == count - 1):
                m.d.sync += beat.eq(0)
                m.next = after

    def _damage(self, m: Module, bad: Signal, ended: Signal) -> None:
        """What every state inside a frame does on a wrong escape, and on an END that comes too early."""
        with m.If(bad):
            m.next = "BAD"
        with m.If(ended):
            m.d.sync += self.kind.eq(self.REQUEST_DAMAGED)
            m.next = "REQUEST"


class FrameTransmitter(wiring.Component):
    """Requests and answers in, frames out. The answer is taken when its frame is on its way.

    Parameters
    ----------
    identity : Identity
        Of the core behind the link.
    engine : int or None
        As of `FrameReceiver`.

    Members
    -------
    tag, kind, request_valid, request_ready
        The request to reply to, as `FrameReceiver` gives it.
    answer : In(stream.Signature(identity.answer_bits))
        Answers from the core.
    bytes : Out(stream.Signature(8))
        Escaped bytes for the wire.
    fingerprint : In(32)
        With `engine`: of the program that runs.
    """

    def __init__(self, identity: Identity, engine: int | None = None):
        self._identity, self._engine = identity, engine
        super().__init__(
            ({"fingerprint": In(32)} if engine is not None else {})
            | {
                "tag": In(8),
                "kind": In(2),
                "request_valid": In(1),
                "request_ready": Out(1),
                "answer": In(stream.Signature(identity.answer_bits)),
                "bytes": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kinds = FrameReceiver
        identity = self._identity
        tag, kind = Signal(8), Signal(2)
        body = Signal(8)
        name = identity.to_bytes()
        at = Signal(range(max(len(name), identity.answer_bytes) + 1))
        last = Signal.like(at)
        escape_next = Signal()
        out = Signal(8)
        taken = Signal()  # `out` is through, escape included
        m.submodules.crc = crc = Processor(CRC)
        answer = Cat(self.answer.payload, Const(0, 8 * identity.answer_bytes - identity.answer_bits))

        with m.Switch(kind):
            with m.Case(kinds.REQUEST_CLASSIFY):
                m.d.comb += last.eq(identity.answer_bytes)
            with m.Case(kinds.REQUEST_IDENTIFY, kinds.REQUEST_LOAD):
                m.d.comb += last.eq(len(name))
        with m.If(at == 0):
            m.d.comb += body.eq(tag)
        with m.Elif((kind == kinds.REQUEST_IDENTIFY) | (kind == kinds.REQUEST_LOAD)):
            said: list[ValueLike] = [Const(byte, 8) for byte in (0, *name)]
            if self._engine is not None:
                said[6:10] = [self.fingerprint.word_select(byte, 8) for byte in range(4)]
            elif identity.patchable and platform is not None:
                said[6:10] = [_patched(m, name[5:9], at[:2])] * 4
            m.d.comb += body.eq(Array(said)[at])
        with m.Else():
            m.d.comb += body.eq(Array((0, *(answer.word_select(i, 8) for i in range(identity.answer_bytes))))[at])
        m.d.comb += crc.data.eq(body)

        def escaped(data: ValueLike) -> None:
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
                    if self._engine is not None:
                        with m.If(self.kind == kinds.REQUEST_LOAD):
                            m.d.sync += tag.eq(protocol.TAG_LOAD)
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


FINGERPRINT = "fingerprint"
"""Net of an iCE40 with the byte of the fingerprint that is sent, and `LUT_INIT`s of the LUTs that make it."""


def fingerprint_tables(fingerprint: bytes) -> list[int]:
    """Tables of the LUTs that hold a fingerprint, by bit of a byte; the index is that of `FrameTransmitter.at`.

    Parameters
    ----------
    fingerprint : bytes
        Four bytes, which are bytes 6 to 9 of a reply.
    """
    at = [fingerprint[(number - 6) % 4] for number in range(4)]
    return [sum((byte >> bit & 1) * (0x1111 << number) for number, byte in enumerate(at)) for bit in range(8)]


def _patched(m: Module, fingerprint: bytes, at: ValueLike) -> Signal:
    """The byte of a fingerprint, from LUTs that no tool simplifies."""
    out = Signal(8, name=FINGERPRINT)
    for bit, table in enumerate(fingerprint_tables(fingerprint)):
        m.submodules[f"{FINGERPRINT}_{bit}"] = Instance(
            "SB_LUT4",
            p_LUT_INIT=Const(table, 16),
            i_I0=at[0],  # type: ignore[index]
            i_I1=at[1],  # type: ignore[index]
            i_I2=Const(0, 1),
            i_I3=Const(0, 1),
            o_O=out[bit],
        )
    return out


class Framing(Link):
    """Both directions of the protocol, inside a link.

    Parameters
    ----------
    identity : Identity
        Of the core behind the link.
    lanes : int or None
        Bits of a beat of a folded core; more than 8, or None: whole examples.
    engine : int or None
        Fingerprint of an engine that takes other programs.

    Members
    -------
    rx : In(stream.Signature(8))
        Bytes from the host.
    tx : Out(stream.Signature(8))
        Bytes to the host.
    """

    def __init__(self, identity: Identity, lanes: int | None = None, engine: int | None = None):
        outer: dict[str, wiring.Member] = {"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))}
        super().__init__(identity, outer, lanes_of(lanes), engine)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = FrameReceiver(self.identity, self.lanes, self.engine)
        m.submodules.transmitter = transmitter = FrameTransmitter(self.identity, self.engine)
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
        if self.engine is not None:
            connect_load(m, receiver, self)
            m.d.comb += transmitter.fingerprint.eq(receiver.fingerprint)
        return m
