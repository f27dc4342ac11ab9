"""Answers written as files, one module per format."""
