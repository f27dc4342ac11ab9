"""Stands where Prodigy would in tests: takes its command line and environment, and speaks its protocol. Not Prodigy."""

__version__ = "1.18.4+standin"
