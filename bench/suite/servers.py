"""The servers that are measured: each on a free port of 127.0.0.1, in a directory of its own."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

CONNECT = bytes([0x10, 12, 0, 4]) + b"MQTT" + bytes([4, 2, 0, 0, 0, 0])  # 3.1.1, no client id
START_TIMEOUT = 600  # seconds; a million keys are loaded in some
STOP_TIMEOUT = 300


def free_port():
    """Below the range from which the kernel takes the ports of outgoing connections."""
    for _ in range(100):
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port")


class Server:
    """Started on entry and stopped on exit; may be stopped and started again in between."""

    def __init__(self, settings):
        self.settings = settings
        self.directory = None
        self.process = None
        self.port = 0
        self.connected_after = 0.0

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="kv-bench-"))
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, cpus=None):
        self.port = free_port()
        command = self.settings.pinned(cpus or self.settings.broker_cpus, self.command())
        begin = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - begin > START_TIMEOUT:
                raise RuntimeError(f"{command} did not start:\n{self.log.read_text()}")
            time.sleep(0.01)  # the server may want every core
        self.connected_after = time.monotonic() - begin

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self.directory / "log"

    def memory(self):
        """Resident bytes: all, and those that are not pages of files."""
        fields = dict(
            line.split(":", 1)
            for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        )
        return tuple(int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon"))

    def answers(self):
        """Whether it accepts a connection and says hello."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=START_TIMEOUT) as client:
                client.sendall(self.hello())
                return client.recv(4) != b""
        except OSError:
            return False


MARKS_ONLY = "marks-only"  # the plugin that does nothing but add a change's properties


class Broker(Server):
    """Mosquitto, with the plugin (True), without, or with MARKS_ONLY; otherwise their
    configurations are the same."""

    def __init__(self, settings, plugin, lines=(), plugin_lines=(), persistence=False):
        super().__init__(settings)
        self.plugin = plugin
        self.lines = list(lines)
        self.plugin_lines = [*plugin_lines, *settings.plugin_lines]
        self.persistence = persistence

    def hello(self):
        return CONNECT

    def command(self):
        (self.directory / "conf").write_text("\n".join(self.configuration()) + "\n")
        return [self.settings.mosquitto, "-c", str(self.directory / "conf")]

    def configuration(self):
        # set_tcp_nodelay: or acknowledgements wait for the load generator's kernel.
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "set_tcp_nodelay true",
            f"persistence {'true' if self.persistence else 'false'}",
        ]
        if self.persistence:
            # Written when it stops, not meanwhile.
            lines += [f"persistence_location {self.directory}/", "autosave_interval 0"]
        if os.geteuid() == 0:
            lines.append("user root")
        lines += self.lines
        if self.plugin == MARKS_ONLY:
            lines.append(f"plugin {self.settings.programs}/marks_only.so")
        elif self.plugin:
            lines += [f"plugin {self.settings.plugin}", f"plugin_opt_store_path {self.store}"]
            lines += self.plugin_lines
        return lines

    @property
    def store(self):
        return self.directory / "store"


class Nats(Server):
    """nats-server with JetStream, which keeps its streams in files."""

    def hello(self):
        return b""  # it speaks first

    def command(self):
        (self.directory / "conf").write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{self.directory}/streams" }}\n'
        )
        return [self.settings.nats_server, "-c", str(self.directory / "conf")]
