"""Costs what importing Prodigy's dependencies would, as far as a starter can tell: 0.2 s of one core."""

import time

_end = time.thread_time() + 0.2
while time.thread_time() < _end:
    pass
