"""Folded cores: a network as a program for a small engine that looks up a few tables a clock."""
