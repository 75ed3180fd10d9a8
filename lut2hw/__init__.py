"""lut2hw: from labelled data to FPGA logic.

data -> encode -> model -> learn -> compile -> emit -> build, with verify beside it.
"""

__version__ = "0.1.0"
