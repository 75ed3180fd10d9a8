"""Proofs: circuits read back from Verilog, and their equality with the golden model."""
