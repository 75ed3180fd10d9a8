"""Tasks: what a learner makes of the labels of a data set. A task is a file, and its name in the registry."""
