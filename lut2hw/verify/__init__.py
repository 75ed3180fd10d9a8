"""Verify: every link from the golden model to the bitstream, by engines that share one bench or a proof."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.verify.engines import ENGINES, describe, verify
    from lut2hw.verify.outcome import Outcome

__all__ = ["ENGINES", "Outcome", "describe", "verify"]

__getattr__, __dir__ = lazy(
    __name__, {"ENGINES": "engines", "Outcome": "outcome", "describe": "engines", "verify": "engines"}
)
