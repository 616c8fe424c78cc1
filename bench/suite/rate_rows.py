"""Rows that compare rates and latencies."""

from . import load
from .comparison import Figure, Row
from .servers import MARKS_ONLY, Broker, Nats

PLAIN = "broker without the plugin"
HISTORY_10 = ["plugin_opt_bucket_defaults history=10"]
NEIGHBOUR = {"protocol": 5, "qos": 1, "echo": True, "topic_prefix": "neighbour/"}
# Pages, and a subscription that gets as many messages, fill the queue to one client.
LONG_QUEUE = ["max_queued_messages 10000000", "max_inflight_messages 100"]


BUSY = 0.1  # of the time; what a load program may wait for its core on a quiet machine


def doubts(report):
    if report["load_waiting"] > BUSY:
        return [f"the load waited {report['load_waiting']:.0%} of the time for its core: a busy machine"]
    return []


def rate(report):
    """The broker's thread was the bound if it was busy or, for its core, waiting all the time."""
    details = {
        "main_thread_busy": report["broker"]["main_thread_utilisation"],
        "main_thread_waiting": report["broker"]["main_thread_waiting"],
        "load_waiting": report["load_waiting"],
    }
    per_cpu = report["broker"]["messages_per_main_thread_cpu_second"]
    return Figure(report["messages_per_second"], per_cpu, details, report, doubts(report))


def rate_of_process(report):
    """Per CPU second of all threads: NATS has no main one."""
    per_cpu = report["messages"] / report["broker"]["cpu_seconds"]
    details = {
        "process_busy": report["broker"]["cpu_seconds"] / report["seconds"],
        "load_waiting": report["load_waiting"],
    }
    return Figure(report["messages_per_second"], per_cpu, details, report, doubts(report))


def puts(plugin, plugin_lines=(), fill=0, many=False, figure=rate, **options):
    def run(settings):
        keys = settings.many_keys if many else settings.keys
        with Broker(settings, plugin, plugin_lines=plugin_lines) as broker:
            if fill > 0:
                load.fill(settings, broker, keys, passes=fill)
            return figure(load.put(settings, broker, keys=keys, retain=True, **options))

    return run


def qos1():
    return Row("qos1", "QoS 1 puts, history 1, `sync batch`", f"{PLAIN}, retained", "puts/s",
               0.85, 0.95, puts(True), puts(False))  # fmt: skip


def qos0():
    return Row("qos0", "QoS 0 puts", f"{PLAIN}, retained", "puts/s",
               0.70, 0.90, puts(True, qos=0), puts(False, qos=0))  # fmt: skip


def qos1_marks():
    return Row("qos1-marks", "QoS 1 publishes that merely get a change's three properties",
               f"{PLAIN}, retained", "puts/s", 0.85, 0.95, puts(MARKS_ONLY), puts(False))  # fmt: skip


def qos0_marks():
    return Row("qos0-marks", "the same at QoS 0", f"{PLAIN}, retained", "puts/s",
               0.70, 0.90, puts(MARKS_ONLY, qos=0), puts(False, qos=0))  # fmt: skip


def history():
    return Row("history", "puts at history 10, every key full", "our own history 1", "puts/s",
               0.90, 1.0, puts(True, HISTORY_10, fill=10), puts(True, fill=10))  # fmt: skip


def keys():
    return Row("keys", "puts over 1,000,000 keys", "our own 10,000 keys", "puts/s",
               0.80, 0.95, puts(True, fill=1, many=True), puts(True, fill=1))  # fmt: skip


def nats_puts(fill=0, many=False):
    def run(settings):
        keys = settings.many_keys if many else settings.keys
        with Nats(settings) as server:
            report = load.put_to_nats(settings, server, history=10, fill=fill, keys=keys)
            return rate_of_process(report)

    return run


def nats():
    return Row("nats", "puts, history 10, every key full", "NATS KV, the same", "puts/s", 5, 8,
               puts(True, HISTORY_10, fill=10, figure=rate_of_process), nats_puts(fill=10))  # fmt: skip


def nats_fresh():
    """Nearly no put pushes an older entry out, which is what costs NATS most: neither row alone
    would say how the two compare."""
    return Row("nats-fresh", "puts, history 10, over 1,000,000 keys, none full", "NATS KV, the same",
               "puts/s", 5, 8, puts(True, HISTORY_10, many=True, figure=rate_of_process),
               nats_puts(many=True))  # fmt: skip


def replies():
    return Row("replies", "puts with durable replies (`batch`)", "our PUBACK-only puts", "puts/s",
               0.60, 0.85, puts(True, protocol=5, replies=True), puts(True, protocol=5))  # fmt: skip


def replies0():
    """Who waits for the reply has no use for a PUBACK."""
    return Row("replies0", "puts of QoS 0 with durable replies (`batch`)", "our PUBACK-only puts", "puts/s",
               0.60, 0.85, puts(True, protocol=5, qos=0, replies=True), puts(True, protocol=5))  # fmt: skip


def requests(qos):
    def ours(settings):
        with Broker(settings, True) as broker:
            load.fill(settings, broker, settings.keys)
            return rate(load.put(settings, broker, protocol=5, qos=qos, replies=True,
                                 topic_prefix="$KV/bench/get/", value_size=0))  # fmt: skip

    def theirs(settings):
        with Broker(settings, False) as broker:
            return rate(load.put(settings, broker, protocol=5, qos=qos, echo=True,
                                 topic_prefix="echo/"))  # fmt: skip

    return ours, theirs


def get():
    return Row("get", "`get` requests of QoS 1, window 64", f"{PLAIN} echoing a message", "replies/s",
               0.80, 0.95, *requests(qos=1))  # fmt: skip


def get0():
    return Row("get0", "`get` requests of QoS 0, window 64", f"{PLAIN} echoing a message", "replies/s",
               0.80, 0.95, *requests(qos=0))  # fmt: skip


def latency():
    def side(plugin):
        def figure(report):
            details = {"p99_us": report["latency_us"]["p99"]}
            return Figure(report["latency_us"]["p50"], None, details, report, doubts(report))

        return puts(plugin, figure=figure, connections=1, window=1)

    return Row("latency", "one put, one at a time: p50 latency", f"{PLAIN}, retained", "us",
               1.15, 1.05, side(True), side(False), lower_is_better=True)  # fmt: skip


def pages():
    def ours(settings):
        properties = list(settings.page_properties)
        if not any(text.startswith("kv-limit=") for text in properties):
            properties.append("kv-limit=500")
        with Broker(settings, True, LONG_QUEUE) as broker:
            load.fill(settings, broker, settings.entries)
            return rate(load.read(settings, broker, pages="$KV/bench/entries",
                                  property=properties, count=settings.entries))  # fmt: skip

    def theirs(settings):
        with Broker(settings, False, LONG_QUEUE) as broker:
            load.fill(settings, broker, settings.entries)
            return rate(load.read(settings, broker, subscribe="kv/bench/#", count=settings.entries))

    return Row("pages", "100,000 entries by `entries` pages", f"{PLAIN} delivering them retained",
               "entries/s", 0.80, 2, ours, theirs)  # fmt: skip


def idle():
    def side(plugin):
        def run(settings):
            with Broker(settings, plugin) as broker:
                return rate(load.put(settings, broker, **NEIGHBOUR))

        return run

    return Row("idle", "non-KV traffic, plugin loaded, KV idle", PLAIN, "messages/s",
               0.98, 1.0, side(True), side(False))  # fmt: skip


def neighbour():
    def side(plugin):
        def run(settings):
            with Broker(settings, plugin) as broker:
                # From before the neighbour is measured until after it.
                puts = load.start_put(settings, broker, retain=True,
                                      rate=settings.neighbour_puts_per_second,
                                      warm_up=settings.warm_up / 2,
                                      duration=settings.duration + settings.warm_up)  # fmt: skip
                with puts:
                    try:
                        report = load.put(settings, broker, connections=1, window=1, rate=500,
                                          **NEIGHBOUR)  # fmt: skip
                        reached = load.finish(puts)["messages_per_second"]
                    finally:
                        puts.kill()
            details = {
                "p50_us": report["latency_us"]["p50"],
                "max_us": report["latency_us"]["max"],
                "puts_per_second_meanwhile": reached,
            }
            missed = reached < 0.98 * settings.neighbour_puts_per_second
            why = doubts(report) + ([f"only {reached:,.0f} puts/s meanwhile"] if missed else [])
            return Figure(report["latency_us"]["p99"], None, details, report, why)

        return run

    return Row("neighbour", "non-KV p99 while KV takes 20,000 puts/s",
               f"{PLAIN}, same load on retained topics", "us", 1.25, 1.0, side(True), side(False),
               lower_is_better=True)  # fmt: skip


ROWS = [qos1, qos0, qos1_marks, qos0_marks, history, keys, nats, nats_fresh, replies, replies0, get,
        get0, latency, pages, idle, neighbour]  # fmt: skip
