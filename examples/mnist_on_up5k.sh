#!/bin/sh
# MNIST (28 x 28 pixels, ten classes) on an iCE40 UP5K: 5,280 logic cells. Run it in an empty folder.
# The data come from the folder in LUT2HW_DATA if it has mnist.npz, else from OpenML.
# LUTS sets the size of the network; a tenth of it shows the flow in a few minutes.
set -eu
lut2hw train --data mnist --threshold 128 --luts "${LUTS:-1000}" -o mnist.lut
lut2hw emit mnist.lut --target ice40 -o mnist
lut2hw verify mnist --vectors "${VECTORS:-1000}"
lut2hw build mnist --device up5k --package sg48
