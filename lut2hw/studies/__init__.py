"""Studies of models: sweeps, inspection, the experiments of the paper."""
