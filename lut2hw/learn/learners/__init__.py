"""Learners as they are asked for: a name, options and a function each; quick to import."""
