"""On a board: links around a core, boards with their pins, and the host's side of the link."""
