"""Compiled kernel of clocked and-inverter graphs: many runs side by side, a bit of a word each."""

from __future__ import annotations

import numpy as np

from lut2hw.kernels.compiled import njit


@njit()
def run(ands, outputs, following, stimulus, state, signatures):
    """Clock a graph and say when an output is first one.

    Parameters
    ----------
    ands : ndarray of int32 (n_ands, 2)
        Literals of the inputs of each AND node, in order. Node 0 is constant 0; next come the inputs, which are those
        of the stimulus and then the registers.
    outputs : ndarray of int32 (n_outputs,)
        Literals.
    following : ndarray of int32 (n_registers,)
        Literals of what each register holds next.
    stimulus : ndarray of uint64 (n_clocks, n_inputs, n_words)
        Inputs in every clock.
    state : ndarray of uint64 (n_registers, n_words)
        What the registers hold; overwritten by what they hold in the end.
    signatures : ndarray of uint64 (n_registers, n_words)
        Mixed, in every clock, with what each register holds; registers that hold the same have the same.

    Returns
    -------
    int
        Number of the first clock in which an output is one in any run, -1 for none; clocks after it are not run.
    """
    n_clocks, n_inputs, n_words = stimulus.shape
    n_registers = len(following)
    first = 1 + n_inputs + n_registers
    values = np.zeros((first + len(ands), n_words), np.uint64)
    ones = ~np.uint64(0)
    for clock in range(n_clocks):
        values[1 : 1 + n_inputs] = stimulus[clock]
        values[1 + n_inputs : first] = state
        for at in range(len(ands)):
            a, b = ands[at, 0], ands[at, 1]
            flip_a = ones if a & 1 else np.uint64(0)
            flip_b = ones if b & 1 else np.uint64(0)
            for word in range(n_words):
                values[first + at, word] = (values[a >> 1, word] ^ flip_a) & (values[b >> 1, word] ^ flip_b)
        for at in range(n_registers):
            for word in range(n_words):
                mixed = (signatures[at, word] ^ state[at, word]) * np.uint64(0x9E3779B97F4A7C15)
                signatures[at, word] = mixed ^ mixed >> np.uint64(29)
        for literal in outputs:
            flip = ones if literal & 1 else np.uint64(0)
            for word in range(n_words):
                if values[literal >> 1, word] ^ flip:
                    return clock
        for at in range(n_registers):
            literal = following[at]
            flip = ones if literal & 1 else np.uint64(0)
            for word in range(n_words):
                state[at, word] = values[literal >> 1, word] ^ flip
    return -1
