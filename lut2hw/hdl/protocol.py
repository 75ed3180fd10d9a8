"""What goes over the wire between a host and a chip: the one definition for both.

Bytes are framed as in SLIP (RFC 1055): `END` (0xC0) before and after a frame; inside it `END` is replaced by the
bytes 0xDB 0xDC and `ESC` (0xDB) by 0xDB 0xDD. Empty frames mean nothing, so `END` is also what an idle SPI link
carries, and a receiver that starts anywhere is in step at the next `END`. Every frame ends in its CRC-16
(CRC-16/IBM-3740, most significant byte first) over all bytes before it.

    request   tag 1 to 254, features, CRC       classify one example
    request   tag 0, CRC                        say what you are
    request   tag 254, engine, program, rows, CRC   take another program (folded cores that are reloadable)
    reply     tag of the request, answer, CRC
    reply     tag 0, identity (9 or 11 bytes), CRC
    reply     tag 254, identity, CRC            the other program runs from the next example on
    reply     tag 255, CRC                      a damaged or wrong frame came in; nothing has changed

Features and answer are the vectors of `lut2hw.logic.port`, bit i of them bit i % 8 of byte i // 8, in as many bytes
as their bits need. A chip answers in order and works on one request at a time; the tag tells answers apart when
frames are lost.

Of a reloadable core the identity's fingerprint is that of the program that runs, and tag 254 is not one of examples.
Engine and program are fingerprints of four bytes, least significant first: the program is taken if the engine is the
chip's, its rows are whole and not too many, and the CRC is right.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
TAG_IDENTIFY, TAG_LOAD, TAG_DAMAGED = 0, 254, 255
TAGS = range(1, 254)
"""Tags of classify requests, as a host chooses them."""
CRC_INIT = 0xFFFF
VERSION = 1
IDENTITY_BYTES = (9, 11)
"""Of an identity, up to 255 bits of an answer and beyond."""


def byte_count(bits: int) -> int:
    """Bytes that hold `bits` bits."""
    return (bits + 7) // 8


def crc16(data: bytes) -> bytes:
    """CRC-16/IBM-3740 of `data`, two bytes, the most significant first."""
    return binascii.crc_hqx(data, CRC_INIT).to_bytes(2, "big")


@dataclass(frozen=True)
class Identity:
    """What a chip says of itself."""

    input_bits: int
    """Widths of the core's ports."""
    answer_bits: int
    """Widths of the core's ports."""
    fingerprint: int
    """First 32 bits of the SHA-256 of the core's Verilog, so that a host can tell whether the chip holds the design
    it compares with.
    """
    version: int = VERSION
    patchable: bool = field(default=False, compare=False)
    """The chip holds the fingerprint in LUTs of its own, where `lut2hw patch` changes it."""

    def to_bytes(self) -> bytes:
        """The bytes of version, answer bits, input bits (3 bytes), fingerprint (4), little-endian.

        Where the answer has more than 255 bits, a 0 stands in their place, and two more bytes at the end say them.
        """
        wide = self.answer_bits > 255
        return (
            bytes([self.version, 0 if wide else self.answer_bits])
            + self.input_bits.to_bytes(3, "little")
            + self.fingerprint.to_bytes(4, "little")
            + (self.answer_bits.to_bytes(2, "little") if wide else b"")
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Identity:
        """Undo `to_bytes`.

        Raises
        ------
        ValueError
            For another length.
        """
        if len(data) not in IDENTITY_BYTES or (len(data) == 9) != (data[1] > 0):
            raise ValueError(f"an identity has {' or '.join(map(str, IDENTITY_BYTES))} bytes, not {len(data)}")
        bits = data[1] or int.from_bytes(data[9:], "little")
        return cls(int.from_bytes(data[2:5], "little"), bits, struct.unpack("<I", data[5:9])[0], data[0])

    @property
    def input_bytes(self) -> int:
        """Bytes of the features in a request."""
        return byte_count(self.input_bits)

    @property
    def answer_bytes(self) -> int:
        """Bytes of the answer in a reply."""
        return byte_count(self.answer_bits)


def frame(body: bytes) -> bytes:
    """`body` with its CRC, escaped and between two `END`s."""
    data = (body + crc16(body)).replace(bytes([ESC]), bytes([ESC, ESC_ESC]))
    return bytes([END]) + data.replace(bytes([END]), bytes([ESC, ESC_END])) + bytes([END])


def identify_request() -> bytes:
    """The frame that asks for the identity."""
    return frame(bytes([TAG_IDENTIFY]))


def classify_request(tag: int, word: int, identity: Identity) -> bytes:
    """The frame that asks for the answer to the port vector `word`.

    It is padded with leading `END`s to be longer than the longest reply, also between clocks that differ by a
    few percent, so a host may send requests back to back without a reply ever having to wait.
    """
    data = frame(bytes([tag]) + word.to_bytes(identity.input_bytes, "little"))
    longest = 2 + 2 * (1 + identity.answer_bytes + 2)
    return bytes([END]) * (longest + longest // 10 + 2 - len(data)) + data


def load_request(engine: int, program: int, rows: bytes) -> bytes:
    """The frame that brings another program.

    Parameters
    ----------
    engine, program : int
        Fingerprints of the engine's shape and of the program.
    rows : bytes
        As `lut2hw.fold.program.Program.to_rows` gives them.
    """
    return frame(bytes([TAG_LOAD]) + struct.pack("<II", engine, program) + rows)


class Deframer:
    """Bytes as they arrive to the bodies of whole frames."""

    def __init__(self) -> None:
        self.damaged = 0
        """Frames that were thrown away because escape or CRC were wrong."""
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Bodies, without CRC, of the frames that end in `data`."""
        for byte in data:
            if byte != END:
                self._data.append(byte)
            elif self._data:
                body = self._unescape(bytes(self._data))
                self._data.clear()
                if body is None:
                    self.damaged += 1
                else:
                    yield body

    @staticmethod
    def _unescape(data: bytes) -> bytes | None:
        out = bytearray()
        escaped = False
        for byte in data:
            if escaped:
                if byte not in (ESC_END, ESC_ESC):
                    return None
                out.append(END if byte == ESC_END else ESC)
                escaped = False
            elif byte == ESC:
                escaped = True
            else:
                out.append(byte)
        if escaped or len(out) < 3 or crc16(bytes(out[:-2])) != out[-2:]:
            return None
        return bytes(out[:-2])
