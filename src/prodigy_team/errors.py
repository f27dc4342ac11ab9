"""What a person can put right: a problem and its remedy."""

from __future__ import annotations


class TeamError(Exception):
    """A problem that a person can solve, said in two sentences: what happened and where, and what to do.

    Attributes:
        message: What happened, naming the file, line, key, port or process.
        remedy: What to do about it; empty where the message already says so.
        exit_code: What a command that ends with this error returns: 1 failed, 2 wrong usage or roster.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class UsageError(TeamError):
    """A command was called in a way that cannot be carried out: an unknown name, a missing option."""

    exit_code = 2
