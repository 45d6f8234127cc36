"""The servers that are compared: how each is started, and how `fanfare bench` speaks to it.

Each run has a server of its own on a free port, which ends with the run.
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
TOOL = TARGET / "fanfare"
PATIENCE = 10


class Fanfare:
    name = "Fanfare"
    manner = []

    def command(self, port, folder):
        # Without a line for each request, as nginx without its access log.
        settings = {"PORT": str(port), "FANFARE_HOST": "127.0.0.1", "RUST_LOG": "warn"}
        return [TOOL, "serve"], settings


class Nchan:
    name = "nchan"
    manner = ["--subscribe-path", "/sub/{topic}", "--publish-path", "/pub/{topic}"]

    def command(self, port, folder):
        text = (ROOT / "benches/nchan.conf").read_text()
        text = text.replace("FOLDER", folder).replace("PORT", str(port))
        config = pathlib.Path(folder, "nginx.conf")
        config.write_text(text)
        return ["nginx", "-c", config], {}


class Express:
    name = "Express"
    manner = ["--subscribe-path", "/events", "--publish-path", "/send-event"]
    has_no_topics = True

    def command(self, port, folder):
        return ["node", ROOT / "benches/express"], {"PORT": str(port), "NODE_ENV": "production"}


class Floor:
    name = "bare write"
    manner = []

    def command(self, port, folder):
        return [TARGET / "examples/floor", str(port)], {}


ALL = [Fanfare(), Nchan(), Express(), Floor()]


@contextlib.contextmanager
def running(server):
    """A server that takes connections: its process and its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command, settings = server.command(port, folder)
        # Debian keeps servers out of the PATH of those who are not root.
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        kept = {"PATH": path, "HOME": os.environ.get("HOME", "/")}
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=kept | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(process, port, server.name)
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(process, port, name):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"bench: {name} does not start")
