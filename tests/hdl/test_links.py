"""Links around a core, on bus models that others wrote, and the protocol that host and chip share."""

import numpy as np
import pytest
from amaranth.lib.crc import catalog
from hypothesis import given
from hypothesis import strategies as st

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.hdl import links, protocol
from lut2hw.hdl.core import NetlistCore
from lut2hw.hdl.linked import LinkedCore
from lut2hw.hdl.links import framing
from lut2hw.hdl.protocol import END, ESC, Deframer, Identity
from lut2hw.host import simulation
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import INPUT, OUTPUT


def small_core(width, answer_bits, latency):
    """A core with random LUTs from `width` inputs to `answer_bits` outputs."""
    rng = np.random.default_rng(width)
    netlist = Netlist()
    nets = netlist.input(INPUT, width)
    k = min(width, 6)
    outputs = [
        netlist.lut(rng.choice(nets, k, replace=False).tolist(), int(rng.integers(1, 1 << min(2**k, 63))))
        for _ in range(answer_bits)
    ]
    for _ in range(latency):
        outputs = [netlist.cell("ff", [net])[0] for net in outputs]
    netlist.output(OUTPUT, outputs)
    return netlist, NetlistCore(netlist, latency=latency)


def examples(width, n):
    """Port vectors, some of them full of bytes that need an escape."""
    rng = np.random.default_rng(1)
    special = [int.from_bytes(bytes([byte]) * (width // 8 + 1), "little") for byte in (END, ESC, 0, 0xDC, 0xFF)]
    words = special + [int.from_bytes(rng.bytes(width // 8 + 1), "little") for _ in range(n - len(special))]
    return [word & (1 << width) - 1 for word in words]


def expected(netlist, words):
    width = len(netlist.inputs[INPUT])
    rows = np.array([[word >> bit & 1 for word in words] for bit in range(width)], np.uint8)
    out = bits.unpack(netlist.evaluate(**{INPUT: bits.pack(rows)})[OUTPUT], len(words))
    return [sum(int(bit) << at for at, bit in enumerate(column)) for column in out.T]


@pytest.mark.parametrize(
    ("name", "width", "answer_bits", "latency", "n"),
    [
        pytest.param("uart", 75, 4, 0, 20, marks=pytest.mark.slow),
        ("spi", 40, 9, 2, 12),
        ("axi-stream", 75, 9, 0, 60),
        ("wishbone", 75, 4, 2, 8),
        pytest.param("shift", 75, 4, 2, 20, marks=pytest.mark.slow),
        ("shift", 75, 59, 2, 12),
        pytest.param("shift", 5, 59, 0, 12, marks=pytest.mark.slow),
        ("uart", 20, 260, 1, 3),
        pytest.param("wishbone", 20, 70, 1, 6, marks=pytest.mark.slow),
        pytest.param("axi-stream", 20, 70, 1, 12, marks=pytest.mark.slow),
        pytest.param("shift", 1, 1, 0, 12, marks=pytest.mark.slow),
        pytest.param("shift", 1, 17, 0, 12, marks=pytest.mark.slow),
        pytest.param("shift", 16, 17, 3, 12, marks=pytest.mark.slow),
        pytest.param("spi", 20, 260, 1, 6, marks=pytest.mark.slow),
        pytest.param("wishbone", 3, 400, 0, 6, marks=pytest.mark.slow),
        pytest.param("uart", 3, 12, 3, 12, marks=pytest.mark.slow),
        pytest.param("spi", 3, 1, 0, 12, marks=pytest.mark.slow),
        pytest.param("axi-stream", 16, 2, 4, 20, marks=pytest.mark.slow),
        pytest.param("axi-stream", 7, 1, 0, 20, marks=pytest.mark.slow),
        pytest.param("wishbone", 3, 1, 0, 8, marks=pytest.mark.slow),
    ],
)
def test_link_carries_examples_and_classes(name, width, answer_bits, latency, n):
    netlist, core = small_core(width, answer_bits, latency)
    identity = Identity(width, answer_bits, 0xC0DBDCDD)
    link = links.make_link(name, identity, clock_hz=8e6, baud=1_000_000, data_bytes=2)
    words = examples(width, n)
    result = simulation.simulate(LinkedCore(link, core), words, timeout=120)
    assert not result.failed
    assert result.checks
    assert result.answers == expected(netlist, words)


def test_a_broken_link_fails_its_bench(monkeypatch):
    """Without the checksum in hardware the bench must say so."""

    class Blind(framing.Processor):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            m.d.comb += self.match_detected.eq(1)
            return m

    _, core = small_core(20, 4, 0)
    monkeypatch.setattr(framing, "Processor", Blind)
    linked = LinkedCore(links.make_link("uart", Identity(20, 4, 1), clock_hz=8e6, baud=1_000_000), core)
    result = simulation.simulate(linked, examples(20, 5), timeout=120)
    assert "damage in the payload is refused" in result.failed


def test_the_checksum_is_the_catalogued_one():
    for data in (b"123456789", b"", bytes(range(256))):
        assert int.from_bytes(protocol.crc16(data), "big") == catalog.CRC16_IBM_3740(data_width=8).compute(data)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.binary(max_size=20))
def test_frames_survive_what_comes_before_them(bodies, noise):
    stream = noise + b"".join(protocol.frame(body) for body in bodies)
    deframer = Deframer()
    got = [body for i in range(0, len(stream), 3) for body in deframer.feed(stream[i : i + 3])]
    # Noise may by chance hold whole frames of its own; nothing after it is lost.
    assert got[len(got) - len(bodies) :] == bodies


def test_damage_is_noticed():
    body = bytes(range(200)) + bytes([END, ESC])
    good = protocol.frame(body)
    for at in range(1, len(good) - 1):
        for bit in range(8):
            wrong = bytearray(good)
            wrong[at] ^= 1 << bit
            assert body not in Deframer().feed(bytes(wrong))


@pytest.mark.parametrize(("input_bits", "answer_bits"), [(1, 1), (3, 12), (8, 4), (6272, 4)])
def test_requests_leave_time_for_replies(input_bits, answer_bits):
    identity = Identity(input_bits, answer_bits, 0xC0DB)
    assert Identity.from_bytes(identity.to_bytes()) == identity
    worst_reply = len(protocol.frame(bytes([1]) + bytes([END]) * identity.answer_bytes)) + 2  # and a CRC to escape
    for word in (0, (1 << input_bits) - 1):
        request = protocol.classify_request(1, word, identity)
        assert len(request) > worst_reply
        assert list(Deframer().feed(request)) == [bytes([1]) + word.to_bytes(identity.input_bytes, "little")]


@pytest.mark.slow
@pytest.mark.parametrize("divisor", [6, 7, 104])
def test_uart_at_other_speeds(divisor):
    netlist, core = small_core(12, 3, 0)
    words = examples(12, 6)
    result = simulation.simulate(LinkedCore(links.Uart(Identity(12, 3, 1), divisor), core), words, timeout=300)
    assert not result.failed
    assert result.answers == expected(netlist, words)


@pytest.mark.parametrize(("clock", "baud", "divisor"), [(12e6, 115200, 104), (12e6, 1_000_000, 12), (48e6, 3e6, 16)])
def test_uart_divisor(clock, baud, divisor):
    assert links.uart_divisor(clock, baud) == divisor


@pytest.mark.parametrize(
    ("clock", "baud", "hint"),
    [(12e6, 12_000_000, "at most 2000000"), (12e6, 1_900_000, "2000000"), (12e6, 0, "positive")],
)
def test_a_baud_rate_the_clock_cannot_make_is_refused(clock, baud, hint):
    with pytest.raises(UsageError, match=hint):
        links.uart_divisor(clock, baud)


def test_an_unknown_link_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="'wishbone'"):
        links.make_link("wishbon", Identity(8, 1, 0))


@pytest.mark.parametrize("answer_bits", [1, 4, 255, 256, 257, 4000, 65535])
def test_identities_of_any_width(answer_bits):
    identity = Identity(75, answer_bits, 0xC0DBDCDD)
    data = identity.to_bytes()
    assert Identity.from_bytes(data) == identity
    assert len(data) == (9 if answer_bits < 256 else 11)
    for wrong in (data[:-1], data + b"\0", data + b"\0\0"):
        with pytest.raises(ValueError, match="bytes"):
            Identity.from_bytes(wrong)


def test_an_answer_too_wide_for_registers_is_refused():
    with pytest.raises(UsageError, match="another link") as error:
        links.make_link("wishbone", Identity(8, 59 * 32 + 1, 0))
    assert "\n" not in str(error.value)
