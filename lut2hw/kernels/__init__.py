"""Compiled kernels, and what they need: vector instructions, threads, memory."""
