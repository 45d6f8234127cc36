#!/usr/bin/env python3
"""Measures what it costs to keep events in a file, and writes DISK.md.

Publishers send one event after another, each after the answer to the one before. One subscriber
counts what arrives. Every run has a hub and a file of its own, on the disk of the folder for build
results; each round goes through all kinds of history and all numbers of publishers.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time

import servers

class Hub:
    """One with its history at a place."""

    def __init__(self, name, history, durability="always"):
        self.name, self.history, self.durability = name, history, durability

    def command(self, port, folder):
        settings = {
            "PORT": str(port),
            "FANFARE_HOST": "127.0.0.1",
            "RUST_LOG": "warn",
            "FANFARE_HISTORY": self.history.replace("FOLDER", folder),
            "FANFARE_DURABILITY": self.durability,
        }
        return [servers.TOOL, "serve"], settings


HUBS = [
    Hub("file, `always`", "file://FOLDER/history.redb"),
    Hub("file, `interval`", "file://FOLDER/history.redb", "interval"),
    Hub("memory", "memory"),
]
PUBLISHERS = [1, 64]


def measure(hub, publishers, seconds):
    with servers.running(hub) as (process, url):
        command = [servers.TOOL, "bench", "--json", "--url", url, "--pid", str(process.pid)]
        load = ["--subscribers", "1", "--publishers", str(publishers), "--rate", "0"]
        times = ["--warm-up", "1s", "--duration", f"{seconds}s", "--idle", "0s"]
        run = subprocess.run(command + load + times, stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(run.stdout)
    if report["problems"] or report["deliveries"]["lost"]:
        raise SystemExit(f"bench: {hub.name}, {publishers} publishers: {run.stdout}")
    return report["publishing"]


def sync_times(count=500):
    """Milliseconds of writing 4 KiB to the disk for good, one after another, over 16 MiB."""
    times = []
    with tempfile.TemporaryFile(dir=servers.TARGET) as file:
        file.write(bytes(16 << 20))
        os.fsync(file.fileno())
        for n in range(count):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), bytes(4096), n * 37 % 4096 * 4096)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begun) * 1000)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of publishing in each run")
    parser.add_argument("--quick", action="store_true", help="one round of 1 second each; the written results stay")
    options = parser.parse_args()
    rounds, seconds = (1, 1) if options.quick else (options.rounds, options.seconds)
    # Folders of runs go there, too.
    tempfile.tempdir = str(servers.TARGET)
    results, syncs = {}, []
    for number in range(rounds):
        syncs += sync_times()
        for publishers in PUBLISHERS:
            for hub in HUBS:
                result = measure(hub, publishers, seconds)
                results.setdefault((hub.name, publishers), []).append(result)
                rate, answer = result["per_second"], result["answer_ms"]
                print(number + 1, hub.name, publishers, f"{rate:.0f}/s", answer, flush=True)
    text = page(results, syncs, f"{rounds} rounds of {seconds} s")
    print(text)
    if not options.quick:
        (servers.ROOT / "benches/DISK.md").write_text(text)


def page(results, syncs, rounds):
    def cell(values, form):
        middle = form.format(statistics.median(values))
        return f"**{middle}** ({form.format(min(values))} to {form.format(max(values))})"

    lines = [
        "# A history in a file",
        "",
        "Written by `make bench-disk`. The hub, the tool and the disk share a machine: what counts"
        " is how the rows compare. Each figure is a median of all rounds, with the least and the"
        " most. An answer by `always` says that its event would survive a power cut.",
        "",
        f"- {datetime.date.today()}, {rounds}; {os.cpu_count()} cores; Linux {platform.release()}",
        "- One write of 4 KiB with `fdatasync`, without a hub: p50"
        f" {statistics.median(syncs):.2f} ms, p99 {statistics.quantiles(syncs, n=100)[98]:.2f} ms",
        "",
        "| history | publishers | answers a second | of one publisher's | p50, ms | p99, ms |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for hub in HUBS:
        one = statistics.median(result["per_second"] for result in results[hub.name, 1])
        for publishers in PUBLISHERS:
            of = results[hub.name, publishers]
            rates = [result["per_second"] for result in of]
            times = [cell([r["answer_ms"][which] for r in of], "{:.2f}") for which in ("p50", "p99")]
            ratio = f"{statistics.median(rates) / one:.1f} x" if publishers > 1 else ""
            cells = [hub.name, str(publishers), cell(rates, "{:,.0f}"), ratio, *times]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
