#!/bin/sh
# Handwritten digits (scikit-learn's, 8 x 8 pixels, ten classes) on a Lattice iCEstick: 1,280 logic cells, 12 MHz.
# Run it in an empty folder; with the board plugged in add:
#   lut2hw flash digits && lut2hw run digits --port /dev/ttyUSB1
set -eu
lut2hw train --data digits --luts 150 -o digits.lut
lut2hw emit digits.lut --target ice40 -o digits
lut2hw verify digits
lut2hw build digits --board icestick
lut2hw run digits --port sim --examples "${EXAMPLES:-30}"
