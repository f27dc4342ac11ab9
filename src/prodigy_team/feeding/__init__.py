"""Tasks for a licensed Prodigy, dealt out by the ledger: piped to its standard input, or through a loader."""
