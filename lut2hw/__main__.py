"""`python -m lut2hw` is the `lut2hw` program."""

import sys
from pathlib import Path

# Python looks for modules in the current folder first, where anybody's may lie.
if not sys.flags.safe_path and Path(sys.path[0] or ".").resolve() != Path(__file__).resolve().parent.parent:
    del sys.path[0]

from lut2hw.cli import main

sys.exit(main())
