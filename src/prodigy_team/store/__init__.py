"""Prodigy's database, and the only SQL on it."""
