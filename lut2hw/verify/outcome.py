"""What an engine found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
