"""Measures what the command line asks for; prints a table and writes JSON, plots and Markdown."""

import dataclasses
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys

from . import growth, options, plot, table
from .comparison import compare


def say(text):
    print(text, file=sys.stderr, flush=True)


def machine(settings):
    """What somebody who reads the figures later wants to know of where they were taken."""
    help_text = subprocess.run([settings.mosquitto, "-h"], capture_output=True, text=True).stdout
    return {
        "mosquitto": (help_text.splitlines() or [""])[0],
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "load_average_before": os.getloadavg(),
        "settings": dataclasses.asdict(settings),
    }


def measure_rows(settings, rows):
    """Rows that cannot be measured here do not take the others along."""
    results, failed = [], {}
    for row in rows:
        try:
            results.append(compare(row, settings, say))
        except (OSError, RuntimeError) as error:
            failed[row.name] = str(error)
            say(f"{row.name}: {error}")
    return results, failed


def run_rows(settings, rows, output):
    where = machine(settings)
    results, failed = measure_rows(settings, rows)
    report = {**where, "rows": [result.as_json() for result in results], "failed": failed}
    (output / "rows.json").write_text(json.dumps(report, indent=1) + "\n")
    if not results:
        return "", not failed
    (output / "rows.svg").write_text(plot.results(results))
    print(table.text(results))
    return table.markdown(results), not failed


def run_growth(settings, chosen, output):
    where = machine(settings)
    series = [growth.SERIES[name](settings, say) for name in chosen]
    report = {**where, "growth": [dataclasses.asdict(one) for one in series]}
    (output / "growth.json").write_text(json.dumps(report, indent=1) + "\n")
    for one in series:
        for what, curves in one.curves().items():
            name = f"growth-{one.name}-{what.replace('/', '-per-').replace(' ', '-')}.svg"
            (output / name).write_text(plot.lines(one.title, one.x_title, what, curves))
    print("\n\n".join(table.growth_tables(series, table.aligned)))
    return "\n".join(table.growth_tables(series))


def main():
    settings, rows, chosen = options.parse(sys.argv[1:])
    # A thousand watchers are more files than a shell usually allows; servers and loads inherit it.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    output = pathlib.Path(settings.output)
    output.mkdir(parents=True, exist_ok=True)
    complete = True
    if chosen.growth:
        markdown = run_growth(settings, chosen.growth, output)
    else:
        markdown, complete = run_rows(settings, rows, output)
    if chosen.markdown:
        pathlib.Path(chosen.markdown).write_text(markdown)
    print(f"written: {output}")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
