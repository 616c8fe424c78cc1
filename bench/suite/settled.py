"""Readings that move for a while after a load, and are wanted when they have come to rest."""

import contextlib
import pathlib
import threading
import time


def settled(read, quiet=2.0, timeout=60.0, tolerance=0.005):
    """The first reading that has not moved, but by a trifle, for so many seconds."""
    end = time.monotonic() + timeout
    reading, since = read(), time.monotonic()
    while time.monotonic() < min(since + quiet, end):
        time.sleep(0.1)
        now = read()
        if abs(now - reading) > tolerance * reading:
            reading, since = now, time.monotonic()
    return reading


def allocated_bytes(directory):
    """On disk, as du counts them; files come and go meanwhile."""
    total = 0
    for path in pathlib.Path(directory).rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.lstat().st_blocks * 512
    return total


class Peak:
    """The largest reading while a block runs."""

    def __init__(self, read, interval=0.25):
        self.read = read
        self.interval = interval
        self.value = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.done.wait(self.interval):
            self.value = max(self.value, self.read())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
