#!/usr/bin/env python3
"""Compares Fanfare with other servers, and writes RESULTS.md and the table of the README.

Every server runs alone, as a child of this process; each round goes through all scenarios, and in
each through all servers, so that what else happens on the machine hits all alike.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import results
import scenarios
import servers


def busy():
    """Seconds of CPU time that the whole machine has used."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(field) for field in stat.readline().split()[1:9]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


def children():
    times = os.times()
    return times.children_user + times.children_system


def measure(scenario, server):
    """One run: the tool's report, with what else the machine did meanwhile."""
    before = (time.monotonic(), busy(), children())
    with servers.running(server) as (process, url):
        command = [servers.TOOL, "bench", "--json", "--url", url, "--pid", str(process.pid)]
        run = subprocess.run(
            command + server.manner + scenario.load,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    after = (time.monotonic(), busy(), children())
    if run.returncode != 0:
        raise SystemExit(f"bench: {server.name}, {scenario.title}: {run.stderr}")
    report = json.loads(run.stdout)
    took, all_cpu, own_cpu = (b - a for a, b in zip(before, after))
    report["others"] = max(0, all_cpu - own_cpu) / (took * os.cpu_count())
    return report


def main():
    os.chdir(servers.ROOT)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of publishing in each run")
    parser.add_argument("--quick", action="store_true", help="one round of 2 seconds each (results are written from 3 rounds on)")
    options = parser.parse_args()
    rounds, seconds = (1, 2) if options.quick else (options.rounds, options.seconds)

    all_scenarios = scenarios.all_of(seconds)
    reports = {}
    for number in range(rounds):
        for scenario in all_scenarios:
            for offset in range(len(servers.ALL)):
                # Nobody is always the first, or the one after another.
                server = servers.ALL[(number + offset) % len(servers.ALL)]
                if scenario.needs_topics and hasattr(server, "has_no_topics"):
                    continue
                report = measure(scenario, server)
                reports.setdefault((scenario.key, server.name), []).append(report)
                shown = [f"{m.title} {m.show(m.of(report))}" for m in scenario.measures]
                print(number + 1, scenario.key, server.name, *shown, sep="  ", flush=True)
    raw = servers.TARGET.parent / "bench.json"
    raw.write_text(json.dumps({" / ".join(key): value for key, value in reports.items()}))
    # What is published is a median of something.
    folder = servers.TARGET.parent if rounds < 3 else servers.ROOT / "benches"
    results.write(all_scenarios, reports, sys.argv[1:], folder)


if __name__ == "__main__":
    main()
