"""Circuits: netlists, graphs, truth tables, covers, and the layout of ports."""
