"""Links by name. A new link is a file with a `Link`, a bench in `lut2hw.sim`, and a line in `LINKS`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lut2hw.errors import unknown_name
from lut2hw.hdl.protocol import Identity

if TYPE_CHECKING:
    from lut2hw.hdl.links.base import Link

LINKS = {
    "uart": "lut2hw.hdl.links.uart:Uart",
    "spi": "lut2hw.hdl.links.spi:Spi",
    "axi-stream": "lut2hw.hdl.links.axi_stream:AxiStream",
    "wishbone": "lut2hw.hdl.links.wishbone:Wishbone",
    "shift": "lut2hw.hdl.links.shift:Shift",
}
"""Name to the module and class, imported when it is asked for: a list of names needs no Amaranth."""


def make_link(name: str, identity: Identity, **options: Any) -> Link:
    """The link of that name.

    Parameters
    ----------
    name : str
        One of `LINKS`.
    identity : Identity
        Of the core behind the link.
    **options
        Fields of `lut2hw.hdl.links.base.LinkOptions`; what does not concern the link is ignored.

    Raises
    ------
    UsageError
        For an unknown name, or options that this link cannot be made with.
    """
    from lut2hw.hdl.links.base import LinkOptions

    if name not in LINKS:
        raise unknown_name("link", name, LINKS)
    module, cls = LINKS[name].split(":")
    link: Link = getattr(importlib.import_module(module), cls).of(identity, LinkOptions(**options))
    return link
