"""Links: hardware that carries examples to a core and answers back.

Every link is a `wiring.Component` with the same inner side: `features`, a stream to the core whose payload is the
vector of `lut2hw.logic.port`, and `answer`, a stream from the core whose payload is the vector of its answers. The
outer side is a UART, an SPI peripheral, AXI4-Stream, a Wishbone register block or a shift register. UART and SPI
speak `lut2hw.hdl.protocol`.
"""

from typing import TYPE_CHECKING

from lut2hw.lazy import lazy

if TYPE_CHECKING:
    from lut2hw.hdl.links.axi_stream import AxiStream
    from lut2hw.hdl.links.base import Link, LinkOptions
    from lut2hw.hdl.links.registry import LINKS, make_link
    from lut2hw.hdl.links.shift import Shift
    from lut2hw.hdl.links.spi import Spi
    from lut2hw.hdl.links.uart import Uart, uart_divisor
    from lut2hw.hdl.links.wishbone import Wishbone

__all__ = [
    "LINKS",
    "AxiStream",
    "Link",
    "LinkOptions",
    "Shift",
    "Spi",
    "Uart",
    "Wishbone",
    "make_link",
    "uart_divisor",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "LINKS": "registry",
        "make_link": "registry",
        "Link": "base",
        "LinkOptions": "base",
        "Uart": "uart",
        "uart_divisor": "uart",
        "Shift": "shift",
        "Spi": "spi",
        "AxiStream": "axi_stream",
        "Wishbone": "wishbone",
    },
)
