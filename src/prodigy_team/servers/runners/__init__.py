"""Where a server's process lives."""
