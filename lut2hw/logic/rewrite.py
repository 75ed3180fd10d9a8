"""A netlist made from another, cell by cell: what most passes do, each with its own exceptions."""

from __future__ import annotations

from collections.abc import Iterable

from lut2hw.logic.netlist import CONST0, CONST1, Cell, Library, Netlist

__all__ = ["Rewrite"]


class Rewrite:
    """A copy of a netlist in the making, in which a pass puts what it likes instead of a cell.

    Parameters
    ----------
    netlist : Netlist
        The one to copy; its inputs are there at once.
    kinds : Library, optional
        What cells the copy may have; those of `netlist` if not given.

    Attributes
    ----------
    out : Netlist
        The copy, as far as it is.
    new : dict[int, int]
        Nets of the copy by those of `netlist`; who replaces a cell adds its outputs.
    """

    def __init__(self, netlist: Netlist, kinds: Library | None = None) -> None:
        self.out = Netlist(kinds=netlist.kinds if kinds is None else kinds)
        self.new = {CONST0: CONST0, CONST1: CONST1}
        self._outputs = netlist.outputs
        for name, nets in netlist.inputs.items():
            self.new.update(zip(nets, self.out.input(name, len(nets)), strict=True))

    def nets(self, nets: Iterable[int]) -> list[int]:
        """Nets of the copy by those of the original.

        Parameters
        ----------
        nets : Iterable[int]
            Nets of the original that are there already.
        """
        return [self.new[net] for net in nets]

    def keep(self, cell: Cell, inputs: Iterable[int] | None = None, table: int | None = None) -> None:
        """Add a cell as it is, or with other inputs or another table.

        Parameters
        ----------
        cell : Cell
            Of the original; its outputs are known afterwards.
        inputs : Iterable[int], optional
            Nets of the copy that it reads instead.
        table : int, optional
            What its table is instead.
        """
        reads = self.nets(cell.inputs) if inputs is None else inputs
        entries = cell.table if table is None else table
        made = self.out.cell(cell.kind, reads, len(cell.outputs), table=entries, part=cell.part)
        self.new.update(zip(cell.outputs, made, strict=True))

    def finish(self) -> Netlist:
        """The copy, with the outputs of the original."""
        for name, nets in self._outputs.items():
            self.out.output(name, self.nets(nets))
        return self.out
