"""How cost grows, one thing at a time: keys, buckets, sizes of values, watchers, history."""

import dataclasses
import pathlib

from . import load
from .servers import Broker
from .settled import settled

WITH, WITHOUT = "with the plugin", "without it"
ONE_KEY = "kv/bench/00000000"  # kv-load's first
VALUES_AT_ONCE = 256 * 2**20  # bytes; of large values there are fewer keys


@dataclasses.dataclass
class Point:
    x: float
    values: dict  # "<what>, <which broker>" -> reading


@dataclasses.dataclass
class Series:
    name: str
    title: str
    x_title: str
    points: list
    notes: list = dataclasses.field(default_factory=list)

    def curves(self):
        """By what was measured: for each, its curves by broker."""
        by_what = {}
        for point in self.points:
            for name, value in point.values.items():
                what, _, broker = name.partition(", ")
                by_what.setdefault(what, {}).setdefault(broker, []).append((point.x, value))
        return by_what


def free_memory():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def which(plugin):
    return WITH if plugin else WITHOUT


def put_rates(report, plugin):
    """Of those accepted, by the clock, and by the CPU time of the broker's thread, which holds on a
    busy machine."""
    accepted = 1 - report["rejected"] / report["messages"]
    per_cpu_second = report["broker"]["messages_per_main_thread_cpu_second"]
    return {
        f"puts/s, {which(plugin)}": accepted * report["messages_per_second"],
        f"puts/CPU s, {which(plugin)}": accepted * per_cpu_second,
    }


def measure(settings, plugin, keys, passes=1, plugin_lines=(), lines=(), may_refuse=False, **options):
    """Puts per second over keys that are there already, and what all of it takes in memory."""
    with Broker(settings, plugin, lines, plugin_lines) as broker:
        empty = broker.memory()[0]
        load.fill(settings, broker, keys, passes, **options)
        grown = settled(lambda: broker.memory()[0]) - empty
        report = load.put(settings, broker, may_refuse, keys=keys, retain=True, **options)
    return {**put_rates(report, plugin), f"MiB, {which(plugin)}": grown / 2**20}


def by_keys(settings, say):
    series = Series("keys", "Puts and memory by the number of keys", "keys", [])
    per_key = 0.0
    for keys in [10**3, 10**4, 10**5] + ([] if settings.quick else [10**6, 10**7]):
        needed = 1.5 * per_key * keys
        if needed > free_memory():
            series.notes.append(
                f"{keys:,} keys were left out: they need some {needed / 2**30:.1f} GiB of memory, "
                f"and {free_memory() / 2**30:.1f} are free."
            )
            break
        values = {**measure(settings, True, keys), **measure(settings, False, keys)}
        per_key = max(values[f"MiB, {WITH}"], 1) * 2**20 / keys
        series.points.append(Point(keys, values))
        say(f"{keys:,} keys: {values}")
    return series


def by_buckets(settings, say):
    series = Series("buckets", "Puts and memory by the number of buckets, 20,000 keys in all", "buckets", [])
    for buckets in [1, 10, 100] + ([] if settings.quick else [1_000, 10_000]):
        values = measure(settings, True, 2 * 10_000, buckets=buckets, topic_prefix="kv/b",
                         plugin_lines=["plugin_opt_max_buckets 10000"])  # fmt: skip
        series.points.append(Point(buckets, values))
        say(f"{buckets:,} buckets: {values}")
    return series


def by_value_size(settings, say):
    series = Series("values", "Puts by the size of the values", "bytes of a value", [])
    for size in [16, 256, 4_096] if settings.quick else [16, 64, 256, 1_024, 4_096, 16_384, 65_536, 2**18, 2**20]:
        keys = max(min(settings.keys, VALUES_AT_ONCE // size), 1)
        # MQTT 5 tells what is refused, because it is more than the disk takes.
        options = {"value_size": size, "protocol": 5, "may_refuse": True}
        values = {**measure(settings, True, keys, **options), **measure(settings, False, keys, **options)}
        series.points.append(Point(size, values))
        say(f"values of {size:,} bytes: {values}")
    return series


def watched(settings, plugin, watchers):
    with Broker(settings, plugin) as broker:
        options = {"port": broker.port, "subscribe": ONE_KEY, "qos": 0,
                   "connections": watchers, "until_closed": True}  # fmt: skip
        reader = load.start(settings, "kv-read", options, stdin=-1)
        reader.stdout.readline()  # it has subscribed
        report = load.put(settings, broker, keys=1, retain=True)
        received = load.finish(reader)
    return {
        **put_rates(report, plugin),
        # Of all that was received, also while the load warmed up.
        f"deliveries/s, {which(plugin)}": received["messages"] / received["seconds"],
    }


def by_watchers(settings, say):
    series = Series("watchers", "Puts and deliveries by the watchers of one key", "watchers", [])
    for watchers in [1, 10, 100] + ([] if settings.quick else [1_000]):
        values = {**watched(settings, True, watchers), **watched(settings, False, watchers)}
        series.points.append(Point(watchers, values))
        say(f"{watchers:,} watchers: {values}")
    return series


def by_history(settings, say):
    series = Series("history", "Puts and memory by the history, all of it full", "entries kept per key", [])
    for history in [1, 4, 16] if settings.quick else [1, 2, 4, 8, 16, 32, 64]:
        values = measure(settings, True, settings.keys, passes=history,
                         plugin_lines=[f"plugin_opt_bucket_defaults history={history}"])  # fmt: skip
        series.points.append(Point(history, values))
        say(f"history {history}: {values}")
    return series


SERIES = {
    "keys": by_keys,
    "buckets": by_buckets,
    "values": by_value_size,
    "watchers": by_watchers,
    "history": by_history,
}
