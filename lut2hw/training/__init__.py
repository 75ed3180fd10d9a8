"""Training, from a data set and options to a model."""
