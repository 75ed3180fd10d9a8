"""Popcounts, comparisons and the head as cells."""
