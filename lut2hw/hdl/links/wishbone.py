"""Wishbone link: a register block."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from lut2hw.errors import UsageError
from lut2hw.hdl.links.base import Link
from lut2hw.hdl.protocol import Identity


class Wishbone(Link):
    """Wishbone B4 classic peripheral, 32-bit data, addresses in words.

    | word | name | access | content |
    | --- | --- | --- | --- |
    | 0 | ID | r | 0x3254554C, "LUT2" |
    | 1 | FINGERPRINT | r | of the core, `Identity.fingerprint` |
    | 2 | WIDTHS | r | bits 23:0 input bits, 31:24 answer bits, 255 for more |
    | 3 | STATUS | r | bit 0 a new example can be started, bit 1 an answer waits, bit 2 FEATURES can be written |
    | 4 | START | w | any value: classify what is in FEATURES; ignored unless STATUS bit 0 is set |
    | 5.. | ANSWER | r | bit i of the answer is bit i % 32 of word 5 + i // 32; reading the last one frees the core |
    | 64.. | FEATURES | w | bit i of the vector is bit i % 32 of word 64 + i // 32 |

    Other words read as zero and ignore writes. A write takes one clock, without a wait state, a read two. FEATURES of
    the next example can be written from the clock after START on, while the core works on the one before; only a
    folded core that is busy may make STATUS bit 2 zero for longer.

    Parameters
    ----------
    identity : Identity
        Of the core behind the link.

    Attributes
    ----------
    words, answer_words : int
        Words of FEATURES and of ANSWER.
    address_bits : int
        Width of `wb_adr`.

    Members
    -------
    wb_cyc, wb_stb, wb_we : In(1)
        Cycle, strobe and write enable.
    wb_adr : In(address_bits)
        Word of the register block.
    wb_sel : In(4)
        Bytes of `wb_dat_w` to write.
    wb_dat_w : In(32)
        Data to write.
    wb_dat_r : Out(32)
        Data read.
    wb_ack : Out(1)
        The access is done: of a write in the clock in which it begins, of a read one clock later.
    """

    bench = "link_wishbone"

    ID, FINGERPRINT, WIDTHS, STATUS, START, ANSWER, FEATURES = 0, 1, 2, 3, 4, 5, 64
    MAGIC = int.from_bytes(b"LUT2", "little")

    def __init__(self, identity: Identity):
        self.words = -(-identity.input_bits // 32)
        self.answer_words = -(-identity.answer_bits // 32)
        most = self.FEATURES - self.ANSWER
        if self.answer_words > most:
            raise UsageError(
                f"an answer of {identity.answer_bits} bits does not fit the {most} words of a Wishbone link; emit "
                "the core with fewer --outputs, or take another link"
            )
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

    def elaborate(self, platform: object) -> Module:
        m = Module()
        identity = self.identity
        answer = self._held_answer(m)
        vector = Signal(32 * self.words)
        waiting, started = Signal(), Signal()  # in the core; offered to the core
        write, read, have_read = Signal(), Signal(), Signal()
        m.d.comb += [
            self.features.payload.eq(vector),
            self.features.valid.eq(started),
            write.eq(self.wb_cyc & self.wb_stb & self.wb_we),
            read.eq(self.wb_cyc & self.wb_stb & ~self.wb_we & ~have_read),
            self.wb_ack.eq(write | have_read),
        ]
        m.d.sync += have_read.eq(read)
        with m.If(started & self.features.ready):
            m.d.sync += started.eq(0)
        with m.If(answer.valid & answer.ready):
            m.d.sync += waiting.eq(0)
        with m.If(write), m.Switch(self.wb_adr):
            with m.Case(self.START), m.If(~waiting):
                m.d.sync += [waiting.eq(1), started.eq(1)]
            for word in range(self.words):
                with m.Case(self.FEATURES + word):
                    for byte in range(4):
                        at = slice(32 * word + 8 * byte, 32 * word + 8 * byte + 8)
                        with m.If(self.wb_sel[byte]):
                            m.d.sync += vector[at].eq(self.wb_dat_w[8 * byte : 8 * byte + 8])
        with m.If(read):
            m.d.sync += self.wb_dat_r.eq(0)
            with m.Switch(self.wb_adr):
                with m.Case(self.ID):
                    m.d.sync += self.wb_dat_r.eq(self.MAGIC)
                with m.Case(self.FINGERPRINT):
                    m.d.sync += self.wb_dat_r.eq(identity.fingerprint)
                with m.Case(self.WIDTHS):
                    m.d.sync += self.wb_dat_r.eq(identity.input_bits | min(identity.answer_bits, 255) << 24)
                with m.Case(self.STATUS):
                    m.d.sync += self.wb_dat_r.eq(Cat(~waiting, answer.valid, ~started))
                for word in range(self.answer_words):
                    with m.Case(self.ANSWER + word):
                        m.d.comb += answer.ready.eq(word == self.answer_words - 1)
                        m.d.sync += self.wb_dat_r.eq(answer.payload[32 * word : 32 * word + 32])
        return m
