"""Plain NumPy twins of the compiled kernels: by the definition, example by example, without packed arithmetic.

A module here has the name of a module of `lut2hw.kernels`, and a function the name of a kernel. Twins change nothing
in place: they return what the kernel writes. What a kernel takes by address, its twin takes as an array.
"""
