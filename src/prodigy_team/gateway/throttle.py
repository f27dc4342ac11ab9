"""When another try at a password is looked at: growing waits after failures, then a lock, as pure decisions.

Three kinds of counts, so that guessing is slow and yet nobody can keep somebody else out:

- A person at an address where they have logged in before is counted by themselves at that address, and by nothing
  else. Whatever strangers do elsewhere, the person still gets in from there.
- Everybody else is counted by name and by address, and has to wait for the longer of the two. So a stranger's guesses
  close a name for unfamiliar addresses only, and a stranger's address for all names that are not at home there.
- An invitation needs no password: with a new one a person gets in from any address, which is familiar from then on.

People who share an address are told apart only by their names; where all requests seem to come from one address, the
proxy in front is missing in ``trusted_proxies``.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

FREE = 3
"""Failures that cost no wait: people mistype."""
WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0)
"""Seconds after the failures that follow, up to the one that locks."""
FAILURES = FREE + len(WAITS)
"""With so many the lock falls."""
LOCK_SECONDS = 900.0
LONGEST_LOCK_SECONDS = 4 * 3600.0
LULL_SECONDS = 3600.0
"""Failures are forgotten after so long without another."""
MEMORY_SECONDS = 86400.0
"""Locks are forgotten after so long without another failure."""
FAMILIAR_SECONDS = 90 * 86400.0
"""An address is somebody's own for so long after their last login there."""


@dataclass(frozen=True)
class Tally:
    """What is remembered of the failures under one name, at one address, or of one person at their own address.

    Attributes:
        failures: Since the last lock, success or lull.
        locks: In the last day; each is twice as long as the one before.
        at: Of the last failure, Unix seconds.
        until: No try is looked at before, Unix seconds.
    """

    failures: int = 0
    locks: int = 0
    at: float = 0.0
    until: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until another try is looked at; 0: at once."""
        # a clock that was set back must not turn a wait of seconds into one of years
        return max(0.0, min(self.until - now, LONGEST_LOCK_SECONDS))

    def failed(self, now: float) -> Tally:
        """The tally after one more failure."""
        quiet = now - self.at
        failures = 1 if quiet > LULL_SECONDS else self.failures + 1
        locks = 0 if quiet > MEMORY_SECONDS else self.locks
        if failures >= FAILURES:
            return Tally(0, locks + 1, now, now + min(LOCK_SECONDS * 2**locks, LONGEST_LOCK_SECONDS))
        return Tally(failures, locks, now, now + (WAITS[failures - FREE] if failures >= FREE else 0.0))


def counted_by(name: str, address: str, *, familiar: bool) -> tuple[str, ...]:
    """What a try is counted under.

    Args:
        name: In lower case.
        address: As `counted_address` gives it.
        familiar: Whether the person has logged in from there lately.
    """
    return (f"own {name} {address}",) if familiar else (f"name {name}", f"address {address}")


def counted_address(address: str) -> str:
    """The address, or of version 6 its network of 64 bits, all of which one household has to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
