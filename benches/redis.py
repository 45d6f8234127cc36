#!/usr/bin/env python3
"""Measures what it costs to keep events in Redis, and writes REDIS.md.

Each run has hubs and a Redis of its own; each round goes through all of them. For two nodes HAProxy
stands between: publishers reach the one, subscribers the other.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import socket
import statistics
import subprocess
import tempfile
import time

import servers
from disk import Hub

#: Two nodes behind one address.
BALANCER = """
defaults
    mode http
    option http-no-delay
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend events
    bind 127.0.0.1:{port}
    use_backend publishers if {{ path_beg /send-event }}
    default_backend subscribers
backend publishers
    server node1 127.0.0.1:{first}
backend subscribers
    server node2 127.0.0.1:{second}
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def process(port, *command):
    """A server that takes connections on a port; in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            servers.wait_for(child, port, command[0])
            yield child
        finally:
            child.kill()
            child.wait()


@contextlib.contextmanager
def redis(*options):
    """The URL of a Redis."""
    port = free_port()
    with process(port, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options):
        yield f"redis://127.0.0.1:{port}"


@contextlib.contextmanager
def memory():
    yield "memory"


def every_second():
    return redis("--appendonly", "yes", "--appendfsync", "everysec")


HISTORIES = {"memory": memory, "Redis": redis, "Redis, `appendfsync everysec`": every_second}


def bench(url, seconds, *load):
    command = [servers.TOOL, "bench", "--json", "--url", url, "--duration", f"{seconds}s", *load]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(run.stdout)
    if report["problems"] or report["deliveries"]["lost"]:
        raise SystemExit(f"bench: {load}: {run.stdout}")
    return report


def appends(place, seconds):
    with servers.running(Hub("hub", place)) as (_, url):
        report = bench(url, seconds, "--subscribers", "1", "--publishers", "16", "--rate", "0")
    return {"rate": report["publishing"]["per_second"]}


def delivery(place, seconds):
    with servers.running(Hub("hub", place)) as (hub, url):
        load = ["--subscribers", "1000", "--rate", "50", "--pid", str(hub.pid)]
        report = bench(url, seconds, *load)
    return {"cost": sum(report["cpu"]["server_us"].values())}


def two_nodes(seconds):
    with redis() as place, contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        nodes = [stack.enter_context(servers.running(Hub("hub", place))) for _ in range(2)]
        first, second = (url.rsplit(":", 1)[1] for _, url in nodes)
        port, config = free_port(), os.path.join(folder, "haproxy.cfg")
        with open(config, "w", encoding="utf-8") as file:
            file.write(BALANCER.format(port=port, first=first, second=second))
        stack.enter_context(process(port, "haproxy", "-f", config))
        load = ["--subscribers", "10", "--rate", "1000", "--publishers", "16"]
        report = bench(f"http://127.0.0.1:{port}", seconds, *load)
    return {name: report["deliveries"]["latency_ms"][name] for name in ("p50", "p99")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of publishing in each run")
    parser.add_argument("--quick", action="store_true", help="one round of 1 second each; the written results stay")
    options = parser.parse_args()
    rounds, seconds = (1, 1) if options.quick else (options.rounds, options.seconds)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    results = {}
    for number in range(rounds):
        for name, history in HISTORIES.items():
            for measure in (appends, delivery):
                with history() as place:
                    enter(results, number, name, measure(place, seconds))
        enter(results, number, "two nodes", two_nodes(seconds))
    text = page(results, f"{rounds} rounds of {seconds} s")
    print(text)
    if not options.quick:
        (servers.ROOT / "benches/REDIS.md").write_text(text)


def enter(results, number, name, values):
    print(number + 1, name, {key: round(value, 2) for key, value in values.items()}, flush=True)
    for key, value in values.items():
        results.setdefault((name, key), []).append(value)


def page(results, rounds):
    def cell(name, key, form):
        values = results[name, key]
        middle = form.format(statistics.median(values))
        return f"**{middle}** ({form.format(min(values))} to {form.format(max(values))})"

    version = subprocess.run(["redis-server", "--version"], stdout=subprocess.PIPE, text=True, check=True)
    lines = [
        "# A history in Redis",
        "",
        "Written by `make bench-redis`. Hubs, Redis and the tool share a machine: what counts is how"
        " the rows compare. Each figure is a median of all rounds, with the least and the most.",
        "",
        f"- {datetime.date.today()}, {rounds}; {os.cpu_count()} cores; Linux {platform.release()};"
        f" Redis {version.stdout.split('v=')[1].split()[0]}",
        "",
        "| history | answered publishes a second, 16 publishers | CPU of the hub a delivery, 1,000"
        " subscribers, 50 events a second, µs |",
        "| --- | --- | --- |",
    ]
    for name in HISTORIES:
        lines.append(f"| {name} | {cell(name, 'rate', '{:,.0f}')} | {cell(name, 'cost', '{:.2f}')} |")
    lines += [
        "",
        "From publish at one node to delivery at another, through HAProxy, 1,000 events a second to 10"
        f" subscribers: p50 {cell('two nodes', 'p50', '{:.2f}')} ms, p99"
        f" {cell('two nodes', 'p99', '{:.2f}')} ms.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
