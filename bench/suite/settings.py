"""How everything is measured: for how long, with what, and on which CPUs."""

import dataclasses
import os
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]
CPUS = os.cpu_count() or 1


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin") or name


@dataclasses.dataclass
class Settings:
    plugin: str = str(ROOT / "build/release/plugin/mosquitto_kv.so")
    plugin_lines: tuple = ()  # of mosquitto.conf, for the broker with the plugin
    programs: str = str(ROOT / "build/release/bench")  # the directory of kv-load and its kind
    mosquitto: str = dataclasses.field(default_factory=lambda: find_program("mosquitto"))
    nats_server: str = dataclasses.field(default_factory=lambda: find_program("nats-server"))
    broker_cpus: str = f"0-{max(CPUS - 2, 0)}"
    load_cpus: str = str(CPUS - 1)
    all_cpus: str = f"0-{CPUS - 1}"
    output: str = str(ROOT / "build/bench")
    rounds: int = 5
    duration: float = 5
    warm_up: float = 2
    connections: int = 8
    window: int = 64
    value_size: int = 128
    keys: int = 10_000
    many_keys: int = 1_000_000
    entries: int = 100_000
    neighbour_puts_per_second: int = 20_000
    page_properties: tuple = ()
    quick: bool = False

    def hurry(self):
        """For trying whether everything functions; the figures say little."""
        self.quick = True
        self.rounds = 1
        self.duration = 2
        self.warm_up = 1
        self.keys = 2_000
        self.many_keys = 50_000
        self.entries = 20_000

    def pinned(self, cpus, command):
        """The same process runs the command, so that its id is the command's."""
        return ["taskset", "-c", cpus, *command] if CPUS > 1 else command
