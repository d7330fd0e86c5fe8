"""Waiting for what comes in its own time."""
import time


def wait(condition, seconds=15, pause=0.05):
    """What the condition gives, once that is something."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {found!r}"
        time.sleep(pause)
    return found
