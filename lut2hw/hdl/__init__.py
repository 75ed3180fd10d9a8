"""Hardware made with Amaranth: the core, links around it, whole chips."""
