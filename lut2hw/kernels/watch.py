"""Who wants to know that a kernel is compiled, which takes seconds: a progress bar, say. Loads no compiler."""

from collections.abc import Callable

listeners: list[Callable[[], None]] = []
"""Called before a kernel is compiled that no cache has."""

seconds = [0.0]
"""What this process took to compile kernels."""
