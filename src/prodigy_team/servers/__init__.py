"""The roster's servers: planned, started, kept running and stopped."""
