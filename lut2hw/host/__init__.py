"""The host's side of a chip: serial links, real and simulated."""
