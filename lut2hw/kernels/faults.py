"""Compiled kernel of faults: networks of small tables, evaluated again with some tables and wires changed."""

from __future__ import annotations

import numpy as np

from lut2hw.kernels.compiled import njit

TABLE = 4
"""In place of a pin: the table changes."""


@njit()
def inject(tables, sources, outputs, values, first, starts, nodes, pins, news, shown):
    """Apply groups of changes, one group after the other, and say what the outputs become.

    Parameters
    ----------
    tables : ndarray of uint16 (n_nodes,)
        Truth tables of four inputs, entry p in bit p.
    sources : ndarray of int32 (n_nodes, 4)
        Rows of `values` that the nodes read, input 0 the least significant bit of the index.
    outputs : ndarray of int32 (n_outputs,)
        Rows of `values`.
    values : ndarray of uint64 (n_values, n_words)
        Without a change: constants, inputs and then, from row `first` on, the nodes in topological order. A node that
        a change makes read a later row reads what is here.
    first : int
        Row of the first node.
    starts : ndarray of int64 (n_groups + 1,)
        Group g is changes starts[g] to starts[g + 1].
    nodes, pins, news : ndarray of int32 (n_changes,)
        The node, which of its pins reads another row (`TABLE`: its table), and that row or table.
    shown : ndarray of uint64 (n_groups, n_outputs, n_words)
        Takes the outputs.
    """
    n_nodes, n_words = len(tables), values.shape[1]
    table, source = tables.copy(), sources.copy()
    now = values.copy()
    dirty = np.zeros(len(values), np.bool_)
    touched = np.zeros(n_nodes, np.bool_)
    for group in range(len(starts) - 1):
        begin = n_nodes
        for at in range(starts[group], starts[group + 1]):
            node = nodes[at]
            begin = min(begin, node)
            touched[node] = True
            if pins[at] == TABLE:
                table[node] ^= tables[node] ^ np.uint16(news[at])
            else:
                source[node, pins[at]] = news[at]
        for node in range(begin, n_nodes):
            a, b, c, d = source[node, 0], source[node, 1], source[node, 2], source[node, 3]
            if not (touched[node] or dirty[a] or dirty[b] or dirty[c] or dirty[d]):
                continue
            row, bits = first + node, np.uint64(table[node])
            for word in range(n_words):
                p, q, r, s = now[a, word], now[b, word], now[c, word], now[d, word]
                value = np.uint64(0)
                for entry in range(16):
                    if bits >> np.uint64(entry) & np.uint64(1):
                        one = p if entry & 1 else ~p
                        one &= q if entry & 2 else ~q
                        one &= r if entry & 4 else ~r
                        one &= s if entry & 8 else ~s
                        value |= one
                if value != now[row, word]:
                    now[row, word] = value
                    dirty[row] = True
        for number in range(len(outputs)):
            for word in range(n_words):
                shown[group, number, word] = now[outputs[number], word]
        for node in range(begin, n_nodes):
            if dirty[first + node]:
                dirty[first + node] = False
                now[first + node] = values[first + node]
        for at in range(starts[group], starts[group + 1]):
            node = nodes[at]
            touched[node] = False
            table[node] = tables[node]
            source[node] = sources[node]
