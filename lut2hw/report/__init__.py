"""The report: one HTML page on a model and its hardware."""
