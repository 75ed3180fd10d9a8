"""What an engine found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.artefact.vectors import Vectors
from lut2hw.logic.port import words_of


@dataclass(frozen=True)
class Outcome:
    """Result of one engine."""

    engine: str
    passed: bool | None
    """None if the engine could not say (not installed, not for this target, out of time); `note` says why."""
    vectors: int = 0
    """Examples compared, 0 for a proof."""
    mismatches: int = 0
    """Those with a wrong answer."""
    first: dict[str, Any] | None = None
    """The first mismatch, with `input` (hexadecimal value of the port), `expected` and `got` (of the output port;
    None for unknown bits).
    """
    errors: tuple[str, ...] = ()
    """Other things that went wrong, one line each."""
    note: str = ""
    seconds: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)
    """JSON values that depend on the engine."""

    def as_json(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return {
            "engine": self.engine,
            "passed": self.passed,
            "vectors": self.vectors,
            "mismatches": self.mismatches,
            "first": self.first,
            "errors": list(self.errors),
            "note": self.note,
            "seconds": round(self.seconds, 2),
            **self.details,
        }

    @classmethod
    def of_bench(cls, engine: str, asked: int, result: dict[str, Any], **details: Any) -> Outcome:
        """Outcome of a bench (`Bench.result()`) that was asked for so many vectors."""
        errors = tuple(result["errors"])
        if result["vectors"] != asked and not errors:
            errors = (f"{result['vectors']} of {asked} vectors were answered",)
        passed = not errors and not result["mismatches"]
        return cls(
            engine,
            passed,
            result["vectors"],
            result["mismatches"],
            result["first"],
            errors,
            details={"classes_seen": len(result["classes"]), "cycles": result["cycles"], **details},
        )


def wrong_answers(got: NDArray[np.uint8], vectors: Vectors, width: int) -> tuple[int, dict[str, Any] | None]:
    """How many answers are wrong, all of them where their size is, and the first one.

    Parameters
    ----------
    got : NDArray[np.uint8]
        Words of the output port, (n, ceil(width / 8)).
    vectors : Vectors
        With the right answers.
    width : int
        Bits of the output port.

    Returns
    -------
    int
        Wrong answers.
    dict or None
        Number of the first in `vectors`, and what `Outcome.first` has.
    """
    right = vectors.answer_rows(width)
    bad = np.flatnonzero((got != right).any(axis=1)) if got.shape == right.shape else np.arange(len(vectors))
    if not len(bad):
        return 0, None
    at = int(bad[0])
    first = {
        "vector": at,
        "input": f"{vectors.words()[at]:x}",
        "got": words_of(got[at : at + 1])[0],
        "expected": words_of(right[at : at + 1])[0],
    }
    return len(bad), first
