"""Front ends: what is made of the samples of a stream before the network reads it."""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.frontends.base import FrontEnd
    from lut2hw.frontends.registry import FRONT_ENDS, fit, from_json
    from lut2hw.frontends.sequences import Sequences

__all__ = ["FRONT_ENDS", "FrontEnd", "Sequences", "fit", "from_json"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "FRONT_ENDS": "registry",
        "FrontEnd": "base",
        "Sequences": "sequences",
        "fit": "registry",
        "from_json": "registry",
    },
)
