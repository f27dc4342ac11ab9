"""Which commands there are."""

from __future__ import annotations

from typing import NamedTuple


class Listed(NamedTuple):
    """A command as the help of the whole program lists it."""

    name: str
    group: str
    help: str


COMMANDS = (
    Listed("up", "Every day", "Start what is missing; keep what runs."),
    Listed("status", "Every day", "Show every server: state, answers, address."),
    Listed("stop", "Every day", "Stop running servers; ports and records stay theirs."),
    Listed("merge", "Every day", "Bring the annotators' answers together in one dataset."),
    Listed("export", "Every day", "Write answers as files to train on or to look at, or list the datasets."),
    Listed("init", "Set up", "Write a commented roster."),
    Listed("check", "Set up", "Report every problem of the roster at once."),
    Listed("doctor", "Set up", "Look at everything that servers need, and say what to put right."),
    Listed("plan", "Set up", "Say what each task is asked for, and what that comes to."),
    Listed("service", "Set up", "Print a crontab line or a systemd unit for this roster."),
    Listed("coverage", "Quality", "Say which tasks have their answers, and who is missing where."),
    Listed("progress", "Quality", "Say who did how much, how fast, and when it will be done."),
    Listed("agreement", "Quality", "Say how far annotators agree, and on which tasks they differ most."),
    Listed("flagged", "Quality", "List the tasks that annotators flagged, with their notes."),
    Listed("review", "Quality", "Start a server on which one person settles what others answered differently."),
    Listed("import", "Quality", "Store answers from files in the datasets of the people who gave them."),
    Listed("reopen", "Quality", "Send tasks back to the people who answered them."),
    Listed("invite", "Access", "Print a link for each, under which they choose a password for the gateway."),
    Listed("passwd", "Access", "Set the password with which somebody logs in, or that of a server."),
    Listed("accounts", "Access", "List who may log in at the gateway; lock, unlock, or end logins."),
    Listed("watch", "Operations", "Stay in the foreground and bring back what dies."),
    Listed("restart", "Operations", "Stop servers and start them again."),
    Listed("logs", "Operations", "Show a server's log."),
    Listed("ledger", "Operations", "Make the record of who gets which task anew."),
    Listed("backup", "Operations", "Copy answers, ledger, roster and settings while people annotate."),
    Listed("restore", "Operations", "Put a backup back, or look into it; what it replaces is kept."),
    Listed("drop", "Operations", "Delete a dataset; a copy is kept."),
    Listed("erase", "Operations", "Remove one person's answers and names from everything kept here."),
    Listed("exec", "Operations", "Run a command with this roster's Python, database and settings."),
)
NAMES = tuple(each.name for each in COMMANDS)
