"""The command line."""

import argparse
import textwrap

from . import growth, rate_rows, state_rows
from .settings import Settings

ROWS = {row.name: row for row in (make() for make in rate_rows.ROWS + state_rows.ROWS)}


def describe_rows():
    lines = [f"  {row.name:<20}{row.title}; against {row.against}" for row in ROWS.values()]
    return "rows:\n" + "\n".join(lines) + "\n\ngrowth: " + ", ".join(growth.SERIES)


def names(known):
    def parse(text):
        wanted = text.split(",")
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: known are {', '.join(known)}")
        return wanted

    return parse


def add_settings(parser, settings):
    def add(option, help_text, kind=str):
        name = option.lstrip("-").replace("-", "_")
        parser.add_argument(option, type=kind, default=None, metavar="VALUE",
                            help=f"{help_text} (default {getattr(settings, name)})")  # fmt: skip

    add("--rounds", "of each row, ours and theirs in turn", int)
    add("--duration", "seconds of each measurement", float)
    add("--warm-up", "seconds before each", float)
    add("--connections", "of the load", int)
    add("--window", "publishes in flight, all connections together", int)
    add("--value-size", "bytes", int)
    add("--keys", "of most rows", int)
    add("--many-keys", "of the rows that speak of 1,000,000", int)
    add("--entries", "of the row that speaks of 100,000", int)
    add("--plugin", "mosquitto_kv.so")
    add("--mosquitto", "the broker")
    add("--nats-server", "scripts/setup --bench installs it")
    add("--programs", "the directory of kv-load and its kind")
    add("--broker-cpus", "where the servers run")
    add("--load-cpus", "where the load comes from")
    add("--output", "the directory for JSON and plots")


def parse(arguments):
    settings = Settings()
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures the plugin against the broker without it, against itself and against NATS.",
        epilog=textwrap.dedent(describe_rows()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=names(ROWS), metavar="NAME,...", help="only these")
    parser.add_argument("--growth", type=names(growth.SERIES), nargs="?", const=list(growth.SERIES),
                        metavar="NAME,...", help="how cost grows, instead of the rows")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="one short round over few keys, to try it")
    parser.add_argument("--markdown", metavar="FILE", help="the tables, also there")
    parser.add_argument("--plugin-line", action="append", default=[], metavar="LINE",
                        help="of mosquitto.conf, for the broker with the plugin")  # fmt: skip
    parser.add_argument("--page-property", action="append", default=[], metavar="NAME=VALUE",
                        help="of the requests for pages")  # fmt: skip
    add_settings(parser, settings)
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        settings.hurry()
    for name, value in vars(chosen).items():
        if value is not None and hasattr(settings, name) and name != "quick":
            setattr(settings, name, value)
    settings.plugin_lines = tuple(chosen.plugin_line)
    settings.page_properties = tuple(chosen.page_property)
    rows = [ROWS[name] for name in chosen.rows or ROWS]
    return settings, rows, chosen
