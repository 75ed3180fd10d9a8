"""The netlist as JSON, so that an emitted folder stands on its own."""

from __future__ import annotations

import json
from typing import Any

from lut2hw.logic.netlist import COMMON, PARTS, Cell, Library, Netlist

MAX_NETS = 1 << 26
MAX_INPUTS = 20
MAX_OUTPUTS = {"lut": 1, "ram": 64}


def to_json(netlist: Netlist) -> str:
    """One line per cell: kind, part, inputs, outputs, truth table in hexadecimal."""
    ports = {"inputs": netlist.inputs, "outputs": netlist.outputs, "nets": netlist.n_nets}
    cells = ",\n".join(
        json.dumps([cell.kind, cell.part, cell.inputs, cell.outputs, f"{cell.table:x}"], separators=(",", ":"))
        for cell in netlist.cells
    )
    return f'{json.dumps(ports, separators=(",", ":"))[:-1]},"cells":[\n{cells}]}}\n'


def from_json(text: str, kinds: Library = COMMON) -> Netlist:
    """Undo `to_json`.

    Parameters
    ----------
    kinds : Library, default=COMMON
        What cells there may be.

    Raises
    ------
    ValueError
        For anything that is not a netlist in topological order.
    """
    data = json.loads(text)

    def need(condition: Any) -> None:
        if not condition:
            raise ValueError("not a netlist")

    def net_list(value: Any) -> Any:
        need(isinstance(value, list) and all(type(net) is int and 0 <= net < data["nets"] for net in value))
        return value

    need(isinstance(data, dict) and type(data.get("nets")) is int)
    need(isinstance(data["inputs"], dict) and isinstance(data["outputs"], dict) and isinstance(data["cells"], list))
    defined = bytearray(2)
    # Nets cost memory, so a file may not name many more than it lists.
    need(2 <= data["nets"] <= min(MAX_NETS, len(text)))
    defined = bytearray(data["nets"])
    defined[0] = defined[1] = 1

    def define(nets: list[int]) -> None:
        for net in nets:
            need(not defined[net])
            defined[net] = 1

    netlist = Netlist(n_nets=data["nets"], kinds=kinds)
    for name, nets in data["inputs"].items():
        define(net_list(nets))
        netlist.inputs[name] = nets
    for kind, part, inputs, outputs, table in data["cells"]:
        need(kind in kinds and kind != "table" and part in PARTS and isinstance(table, str))
        need(all(defined[net] for net in net_list(inputs)))
        need(kind not in ("lut", "ram") or (len(inputs) <= MAX_INPUTS and 1 <= len(outputs) <= MAX_OUTPUTS[kind]))
        define(net_list(outputs))
        value = int(table, 16)
        need(value >= 0 and (kind not in ("lut", "ram") or value < 1 << (len(outputs) << len(inputs))))
        netlist.cells.append(Cell(kind, tuple(inputs), tuple(outputs), value, part))
    for name, nets in data["outputs"].items():
        need(all(defined[net] for net in net_list(nets)))
        netlist.outputs[name] = nets
    return netlist
