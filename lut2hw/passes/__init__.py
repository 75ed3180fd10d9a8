"""Passes of the compiler: from a netlist to a better one that computes the same."""
