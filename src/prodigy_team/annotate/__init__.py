"""The embedded engine: an annotation server that speaks Prodigy's protocol, for recipes without a model in the loop."""
