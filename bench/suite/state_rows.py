"""Rows about what is kept: memory, the disk, and how long it takes to come up with it."""

import re
import time

from . import load
from .comparison import Figure, Row
from .rate_rows import LONG_QUEUE, PLAIN
from .servers import Broker
from .settled import Peak, allocated_bytes, settled

# What each retained message of the plugin carries, for the broker without it.
PROPERTIES = ["kv-op=PUT", "kv-revision=1000000", "kv-time=2026-11-22T20:43:39.007890138Z"]
RESTORED = re.compile(r"retained messages restored: (\d+) published, (\d+) were there")
OVERWRITES = 10
KEY_SIZE = 8


def memory():
    def side(plugin):
        def run(settings):
            properties = [] if plugin else PROPERTIES
            with Broker(settings, plugin) as broker:
                empty, empty_anonymous = broker.memory()
                load.fill(settings, broker, settings.many_keys, protocol=5, property=properties)
                settled(lambda: broker.memory()[0])
                full, full_anonymous = broker.memory()
            details = {
                "without_pages_of_files": (full_anonymous - empty_anonymous) / settings.many_keys,
                "empty_MiB": empty / 2**20,
            }
            return Figure((full - empty) / settings.many_keys, None, details)

        return run

    return Row("memory", "resident memory per key (retained, 128 B, 3 properties)",
               f"{PLAIN} holding the same messages", "bytes/key", 1.35, 1.1,
               side(True), side(False), lower_is_better=True)  # fmt: skip


def restored_lines(broker):
    return RESTORED.findall(broker.log.read_text(errors="replace"))


def wait_for_restored(broker, already):
    """The plugin says in the log, once for each start, that all are served."""
    while len(restored_lines(broker)) == already:
        if broker.process.poll() is not None:
            raise RuntimeError(broker.log.read_text(errors="replace"))
        time.sleep(0.01)
    published, were_there = restored_lines(broker)[-1]
    return {"published": int(published), "were_there": int(were_there)}


def started(plugin, persistence, properties=()):
    """A broker that was stopped in order with all keys, started again."""

    def run(settings):
        with Broker(settings, plugin, LONG_QUEUE, persistence=persistence) as broker:
            load.fill(settings, broker, settings.many_keys, protocol=5, property=list(properties))
            broker.stop()
            already = len(restored_lines(broker))
            begin = time.monotonic()
            broker.start(settings.all_cpus)  # no load comes from any of them meanwhile
            details = wait_for_restored(broker, already) if plugin else {}
            served = time.monotonic() - begin
            details["accepts_connections_after_s"] = broker.connected_after
            # That they are there indeed.
            load.read(settings, broker, subscribe="kv/bench/#", count=settings.many_keys)
            return Figure(served, None, details)

    return run


def start_row(name, what, persistence, properties, theirs):
    return Row(name, what, f"{PLAIN} loading {theirs} from mosquitto.db", "s", 1.5, 1.0,
               started(True, persistence), started(False, True, properties),
               lower_is_better=True)  # fmt: skip


def start():
    return start_row("start", "start with 1,000,000 keys until all are served, with mosquitto.db",
                     True, PROPERTIES, "the same messages")  # fmt: skip


def start_without_file():
    return start_row("start-without-file", "the same with `persistence false`: from the store alone",
                     False, PROPERTIES, "the same messages")  # fmt: skip


def start_bare():
    return start_row("start-bare", "as `start`, the other broker's messages without properties",
                     True, (), "messages without properties")  # fmt: skip


def disk():
    def ours(settings):
        with Broker(settings, True) as broker:
            with Peak(lambda: allocated_bytes(broker.store)) as peak:
                load.fill(settings, broker, settings.many_keys, passes=1 + OVERWRITES)
            kept = settled(lambda: allocated_bytes(broker.store))
            broker.stop()
            details = {
                "peak_MiB": peak.value / 2**20,
                "stopped_MiB": allocated_bytes(broker.store) / 2**20,
            }
            return Figure(kept / 2**20, None, details)

    def theirs(settings):
        return Figure(settings.many_keys * (KEY_SIZE + settings.value_size) / 2**20)

    return Row("disk", "disk after 10 overwrites of 1,000,000 keys, history 1",
               "the live data: keys and values", "MiB", 2.0, 1.3, ours, theirs,
               lower_is_better=True)  # fmt: skip


ROWS = [memory, start, start_without_file, start_bare, disk]
