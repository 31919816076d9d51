"""Programs for those who work on HydraFlow-X: generated parts of the documentation, recordings of a run."""
