"""The programs that put load on a server, and what they report."""

import json
import pathlib
import subprocess


def arguments(options):
    """window=64, retain=True, property=["a=b"] as --window 64 --retain --property a=b"""
    result = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, (list, tuple)):
            for item in value:
                result += [option, str(item)]
        elif value is True:
            result.append(option)
        elif value is not False:
            result += [option, str(value)]
    return result


def start(settings, program, options, **popen):
    command = [str(pathlib.Path(settings.programs) / program), *arguments(options)]
    command = settings.pinned(settings.load_cpus, command)
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **popen)


def finish(process, may_refuse=False):
    output, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{process.args} failed")
    report = json.loads(output)
    if report.get("rejected", 0) > 0 and not may_refuse:
        raise RuntimeError(f"{process.args}: {report['rejected']} were refused")
    return report


def put_options(settings, broker, options):
    """Those of every put unless a row says otherwise; about half a connection's window wakes the
    load program: far less CPU time there, and never a stall."""
    connections = options.get("connections", settings.connections)
    window = options.get("window", settings.window)
    return {
        "port": broker.port,
        "broker_pid": broker.pid,
        "connections": connections,
        "window": window,
        "wake_after": max(window // connections // 2, 1),
        "warm_up": settings.warm_up,
        "duration": settings.duration,
        "keys": settings.keys,
        "value_size": settings.value_size,
        **options,
    }


def start_put(settings, broker, **options):
    return start(settings, "kv-load", put_options(settings, broker, options))


def put(settings, broker, may_refuse=False, **options):
    return finish(start_put(settings, broker, **options), may_refuse)


def fill(settings, broker, keys, passes=1, **options):
    """Every key, so many times."""
    return put(
        settings, broker, keys=keys, each_key=True, count=keys * passes, warm_up=0, retain=True, **options
    )


def read(settings, broker, **options):
    return finish(
        start(settings, "kv-read", {"port": broker.port, "broker_pid": broker.pid, **options})
    )


def put_to_nats(settings, server, **options):
    window_each = settings.window // settings.connections
    return finish(
        start(
            settings,
            "nats-load",
            {
                "port": server.port,
                "server_pid": server.pid,
                "connections": settings.connections,
                "window": settings.window,
                "wake_after": max(window_each // 2, 1),
                "warm_up": settings.warm_up,
                "duration": settings.duration,
                "keys": settings.keys,
                "value_size": settings.value_size,
                **options,
            },
        )
    )
