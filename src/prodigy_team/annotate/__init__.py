"""The embedded engine: an open annotation server that stands where `prodigy RECIPE DATASET …` would."""
