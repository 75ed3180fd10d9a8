"""The host's side of the serial link: ask a chip what it is, send it examples, compare its answers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from lut2hw.artefact.folder import Manifest
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.extras import need
from lut2hw.hdl import protocol
from lut2hw.hdl.protocol import Deframer, Identity

WINDOW = 32
"""Requests under way at a time: enough to hide the latency of a USB adapter."""
BYTES_IN_SILENCE = 500
"""Bytes of a program that a slow line takes a silence for."""
SILENT = "the chip does not answer; is it flashed with a lut2hw chip, are port and baud rate right?"
PATIENCE = 5
"""Silences in a row after which a chip is given up."""


class SerialPort(Protocol):
    """What is needed of a `serial.Serial`; `read` returns what is there after at most its timeout."""

    def read(self, size: int = 1, /) -> bytes: ...
    def write(self, data: bytes, /) -> Any: ...
    @property
    def in_waiting(self) -> int: ...


class LinkError(Lut2hwError):
    """The chip does not answer, or not as a chip with a core of ours."""


def open_port(name: str, baud: int) -> Any:
    """Open a serial port, 8N1.

    Parameters
    ----------
    name : str
        Such as /dev/ttyUSB1.
    baud : int
        Bits a second.

    Raises
    ------
    UsageError
        That names the ports there are.
    """
    need("serial", extra="boards")
    import serial
    from serial.tools import list_ports

    try:
        return serial.Serial(name, baud, timeout=0.05, write_timeout=10)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        there = [port.device for port in list_ports.comports()]
        hint = "no serial port is there: is the board plugged in?"
        if there:
            hint = "ports that are there: " + ", ".join(there)
        if getattr(error, "errno", None) == 13 or "Permission" in str(error):
            hint = "you may not use it: join the group that owns it (often `dialout`) and log in again"
        raise UsageError(f"cannot open {name} at {baud} baud; {hint}") from None


class Chip:
    """A chip behind a serial port.

    Parameters
    ----------
    port : SerialPort
        An open port with a timeout for reads.
    silence : float, default=1.0
        Seconds without an answer after which requests are sent again.
    """

    def __init__(self, port: SerialPort, *, silence: float = 1.0):
        self.port, self.silence = port, silence
        self.resent = 0
        """Requests that were sent again."""
        self._deframer = Deframer()

    def _replies(self) -> Iterator[bytes]:
        """Bodies of the frames that have come in; waits up to the port's timeout for the first byte."""
        try:
            data = self.port.read(1)
            if data and self.port.in_waiting:
                data += self.port.read(self.port.in_waiting)
        except OSError as error:
            raise LinkError(f"the serial port is gone ({error}); is the board still plugged in?") from None
        return self._deframer.feed(data)

    def _write(self, data: bytes) -> None:
        try:
            self.port.write(data)
        except OSError as error:
            raise LinkError(f"cannot write to the serial port ({error}); is the board still plugged in?") from None

    def identify(self) -> Identity:
        """Ask the chip what it is.

        Raises
        ------
        LinkError
        """
        for _ in range(PATIENCE):
            # The leading END ends whatever frame the chip thinks it is in.
            self._write(bytes([protocol.END]) + protocol.identify_request())
            until = time.monotonic() + self.silence
            while time.monotonic() < until:
                for body in self._replies():
                    if body[0] == protocol.TAG_IDENTIFY and len(body) - 1 in protocol.IDENTITY_BYTES:
                        identity = Identity.from_bytes(body[1:])
                        if identity.version != protocol.VERSION:
                            raise LinkError(
                                f"the chip speaks version {identity.version} of the protocol, this "
                                f"lut2hw version {protocol.VERSION}; build the chip again"
                            )
                        return identity
        raise LinkError(SILENT)

    def load(self, engine: int, program: int, rows: bytes) -> Identity:
        """Bring another program, which runs from the next example on, and say what the chip then is.

        Parameters
        ----------
        engine, program : int
            Fingerprints of the engine's shape and of the program.
        rows : bytes
            As `lut2hw.fold.program.Program.to_rows` gives them.

        Raises
        ------
        LinkError
            If the chip does not take it; it goes on with the program that it has.
        """
        data = protocol.load_request(engine, program, rows)
        refused = 0
        for _ in range(PATIENCE):
            self._write(bytes([protocol.END]) + data)
            until = time.monotonic() + self.silence * (1 + len(data) / BYTES_IN_SILENCE)
            answered = False
            while time.monotonic() < until and not answered:
                for body in self._replies():
                    if body[0] == protocol.TAG_LOAD and len(body) - 1 in protocol.IDENTITY_BYTES:
                        identity = Identity.from_bytes(body[1:])
                        if identity.fingerprint == program:
                            return identity
                    answered = answered or body[0] == protocol.TAG_DAMAGED
            refused += answered
        if refused:
            raise LinkError(
                "the chip refuses the program and goes on with its own: its engine is another one, or takes no "
                "programs; give the folder that it was built from"
            )
        raise LinkError(SILENT)

    def classify(self, words: Sequence[int], identity: Identity) -> Iterator[tuple[int, int]]:
        """Send port vectors; yields (index, answer) as they come.

        Parameters
        ----------
        words : Sequence[int]
            Port vectors, bit i of each bit i of the port.
        identity : Identity
            What the chip says of itself.

        Raises
        ------
        LinkError
            If they stop coming.
        """
        waiting = deque(range(len(words)))
        flying: dict[int, int] = {}  # tag to index, in the order they were sent
        tag, silences = 0, 0
        heard = time.monotonic()
        while waiting or flying:
            data = bytearray()
            while waiting and len(flying) < WINDOW:
                tag = protocol.TAGS[tag % len(protocol.TAGS)]
                flying[tag] = waiting.popleft()
                data += protocol.classify_request(tag, words[flying[tag]], identity)
            if data:
                self._write(bytes(data))
            for body in self._replies():
                if body[0] not in flying or len(body) != 1 + identity.answer_bytes:
                    continue  # a refusal, or the answer to a request that was given up
                # Answers come in order: what was sent before this one and is still open, was lost.
                lost = []
                for sent in list(flying):
                    index = flying.pop(sent)
                    if sent == body[0]:
                        break
                    lost.append(index)
                self._send_again(waiting, lost)
                heard, silences = time.monotonic(), 0
                yield index, int.from_bytes(body[1:], "little")
            if flying and time.monotonic() - heard > self.silence:
                silences += 1
                if silences == PATIENCE:
                    raise LinkError(
                        f"the chip fell silent after {len(words) - len(waiting) - len(flying)} of "
                        f"{len(words)} examples; reset it and try again"
                    )
                self._send_again(waiting, list(flying.values()))
                flying.clear()
                self._write(bytes([protocol.END]))
                heard = time.monotonic()

    def _send_again(self, waiting: deque[int], lost: list[int]) -> None:
        self.resent += len(lost)
        waiting.extendleft(reversed(lost))


def run(
    chip: Chip,
    expected: Identity,
    words: Sequence[int],
    golden: Sequence[int],
    labels: Sequence[Any],
    progress: Callable[[int, int, int], None] = lambda done, right, wrong: None,
    answer_of: Callable[[int], Any] = lambda answer: answer,
) -> dict[str, Any]:
    """Stream examples through a chip and compare.

    Parameters
    ----------
    chip : Chip
        The chip to ask.
    expected : Identity
        The identity the chip must have.
    words, golden : Sequence[int]
        Port vector and word of the golden model for each example.
    labels : Sequence
        Label of each example, what `answer_of` gives for a right answer.
    progress : Callable[[int, int, int], None], default=lambda done, right, wrong: None
        Called after each answer with examples done, right answers and mismatches.
    answer_of : Callable[[int], Any], default=lambda answer: answer
        What a word says; None where it says neither class nor labels, as `lut2hw.logic.port.OutputPort.answer_of`.

    Returns
    -------
    dict[str, Any]
        JSON values: `examples`, `accuracy` of the chip (None if its answers say neither class nor labels),
        `mismatches` with the golden model, the `first` of them,
        `resent` requests, `seconds`, `examples_per_second`.

    Raises
    ------
    LinkError
    """
    identity = chip.identify()
    if identity != expected:
        raise LinkError(
            f"the chip holds another design (fingerprint {identity.fingerprint:08x}, "
            f"{identity.input_bits} input bits) than the folder ({expected.fingerprint:08x}, "
            f"{expected.input_bits}); flash the one that was built from this folder"
        )
    right = mismatches = done = 0
    first, says = None, True
    began = time.monotonic()
    for index, answer in chip.classify(words, identity):
        done += 1
        found = answer_of(answer)
        says = says and found is not None
        right += found == labels[index]
        if answer != golden[index]:
            mismatches += 1
            if first is None or index < first["example"]:
                first = {"example": index, "expected": int(golden[index]), "got": answer}
        progress(done, right, mismatches)
    seconds = time.monotonic() - began
    return {
        "examples": done,
        "accuracy": None if not says else round(right / done, 6) if done else 0.0,
        "mismatches": mismatches,
        "first": first,
        "resent": chip.resent,
        "seconds": round(seconds, 3),
        "examples_per_second": round(done / max(seconds, 1e-9), 1),
        "fingerprint": f"{identity.fingerprint:08x}",
    }


def load(port: SerialPort, manifest: Manifest, *, silence: float = 1.0) -> Identity:
    """Bring the program of an emitted folder to a chip that was built from it, or from one with the same engine.

    Parameters
    ----------
    port : SerialPort
        An open port with a timeout for reads.
    manifest : Manifest
        The folder.
    silence : float, default=1.0
        Seconds without an answer after which the program is sent again.

    Returns
    -------
    Identity
        What the chip says that it is now.

    Raises
    ------
    UsageError
        If the folder's core takes no programs.
    LinkError
        If the chip does not take this one; it goes on with the program that it has.
    """
    engine, program = manifest.engine, manifest.program
    return Chip(port, silence=silence).load(engine.fingerprint, program.fingerprint, program.to_rows())
