"""`export`: the whole core of a network as a file of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lut2hw.errors import UsageError
from lut2hw.exchange import registry
from lut2hw.files import write_bytes

if TYPE_CHECKING:
    from lut2hw.model.network import LutNetwork


def export(
    network: LutNetwork,
    path: str | Path,
    *,
    form: str | None = None,
    encoded_inputs: bool = False,
    dont_cares: bool = False,
) -> registry.Format:
    """Write the core of a network for another tool.

    The files are combinational: features, or bits of the code, in, class number out. The whole file is written, or
    none.

    Parameters
    ----------
    network : LutNetwork
    path : str or Path
    form : str, optional
        Name of a format in `lut2hw.exchange.FORMATS`; by default as the file's ending says.
    encoded_inputs : bool
        Inputs are the bits of the code instead of the features. A PLA always has these, a C header both.
    dont_cares : bool
        PLA only: leave open what training cannot have shown.

    Returns
    -------
    Format
        What was written.

    Raises
    ------
    UsageError
        If there is no such format, or it cannot hold the network.
    """
    if network.front_end is not None:
        raise UsageError(
            "files of logic hold a network alone, without the front end that this model has; give it to `lut2hw emit`"
        )
    chosen = registry.for_writing(path, form)
    if dont_cares and not chosen.dont_cares:
        able = ", ".join(each.title for each in registry.writable() if each.dont_cares)
        raise UsageError(f"--dont-cares is for {able} files only; the other formats have no don't-cares")
    options = registry.WriteOptions(Path(path), encoded_inputs, dont_cares)
    write_bytes(path, chosen.load().write(network, options))
    return chosen
