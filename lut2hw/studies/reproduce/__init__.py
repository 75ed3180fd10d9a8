"""The experiments of "Learning and Memorization"."""
