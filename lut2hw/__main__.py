"""`python -m lut2hw` is the `lut2hw` program."""

import sys

from lut2hw.cli import main

sys.exit(main())
