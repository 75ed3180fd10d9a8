"""The front ends as Amaranth components, a file for each file of `lut2hw.frontends`."""
