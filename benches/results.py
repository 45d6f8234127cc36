"""From reports to RESULTS.md, and to the table of the README."""

import datetime
import os
import pathlib
import platform
import re
import shlex
import statistics
import subprocess

import servers

ROOT = servers.ROOT
NAMES = [server.name for server in servers.ALL]
OWN = NAMES[0]


class Table:
    """The values of all runs."""

    def __init__(self, all_scenarios, reports):
        self.scenarios = all_scenarios
        self.reports = reports
        self.measures = {(s.key, m.key): m for s in all_scenarios for m in s.measures}

    def values(self, scenario, measure, name):
        of = self.measures[scenario, measure].of
        return [of(report) for report in self.reports.get((scenario, name), [])]

    def median(self, scenario, measure, name=OWN):
        """`None` where it was not measured."""
        values = self.values(scenario, measure, name)
        return statistics.median(values) if values else None

    def ratio(self, scenario, measure, name):
        """To Fanfare's."""
        other, own = self.median(scenario, measure, name), self.median(scenario, measure)
        return None if other is None or not own else other / own

    def faults(self, scenario, name):
        """Lost, repeated, out of order, and how many deliveries there should be."""
        deliveries = [report["deliveries"] for report in self.reports.get((scenario, name), [])]
        kinds = ("lost", "duplicated", "reordered", "expected")
        return [sum(each[kind] for each in deliveries) for kind in kinds]


def write(all_scenarios, reports, arguments, folder):
    """Writes RESULTS.md, and the README's table where that is beside the results' own place."""
    table = Table(all_scenarios, reports)
    parts = [
        "# How fast\n\nWritten by `make bench`. The ratios are what counts: the figures are those"
        " of one machine, on which clients and server share the cores. Each is a median of all"
        " rounds, with the least and the most, and its multiple of Fanfare's.\n",
        machine(reports, arguments),
        *(section(scenario, table) for scenario in all_scenarios),
        goals(table),
        commands(all_scenarios),
    ]
    path = folder / "RESULTS.md"
    path.write_text("\n".join(parts))
    print(f"bench: {path}")
    if folder == ROOT / "benches":
        insert(summary(table))


def section(scenario, table):
    lines = [f"## {scenario.title[0].upper()}{scenario.title[1:]}\n", head(["", *NAMES])]
    for measure in scenario.measures:
        cells = [cell(scenario.key, measure, name, table) for name in NAMES]
        lines.append(row([f"{measure.title} ({measure.better} is better)", *cells]))
    if scenario.publishes:
        cells = [faults(*table.faults(scenario.key, name)) for name in NAMES]
        lines.append(row(["lost, repeated, out of order", *cells]))
    return "\n".join(lines) + "\n"


def cell(scenario, measure, name, table):
    values = table.values(scenario, measure.key, name)
    if not values:
        return "has no topics"
    text = f"**{measure.show(statistics.median(values))}**"
    if len(values) > 1:
        text += f" ({measure.show(min(values))} to {measure.show(max(values))})"
    ratio = table.ratio(scenario, measure.key, name)
    return text if name == OWN or ratio is None else f"{text}, {times(ratio)}"


def faults(lost, repeated, reordered, expected):
    if expected == 0:
        return ""
    if lost + repeated + reordered == 0:
        return "none"
    return f"{lost:,}, {repeated:,}, {reordered:,} of {expected:,}"


def times(ratio):
    return f"{ratio:.2f} x" if ratio < 10 else f"{ratio:.0f} x"


def head(cells):
    return row(cells) + "\n" + row(["---"] * len(cells))


def row(cells):
    return "| " + " | ".join(cells) + " |"


def goals(table):
    lines = ["## What Fanfare holds itself to\n", head(["", "goal", "is", "met"])]
    missed = []
    for what, value, bound, unit, met in held_goals(table):
        lines.append(row([what, bound, f"{value:.2f}{unit}", "yes" if met else "**no**"]))
        missed += [] if met else [key for key in REASONS if what.startswith(key)]
    if missed:
        grown = table.median("paced15k", "cpu", "bare write")
        grown /= table.median("paced", "cpu", "bare write")
        lines.append("\nWhat is missed, and why:\n")
        lines += [f"- {key}: " + REASONS[key].format(grown=grown) for key in dict.fromkeys(missed)]
    return "\n".join(lines) + "\n"


#: What limits the figures that may miss their goals, by how these begin.
REASONS = {
    "CPU a delivery, 15,000 subscribers, to 1,000": "the bare write's own grows to {grown:.2f} x:"
    " the kernel's structures of 15,000 sockets fit no cache. Kept: a delivery touches two lines of"
    " the hub's own memory.",
    "deliveries": "client and server share the cores, and a write takes some 5 µs, nine tenths of"
    " it in the kernel; it counts for as many events as came while the pass before was written.",
    "publishes, 1,000 topics": "each takes a request, an answer and a write: two thirds of the time"
    " is the kernel's.",
    "CPU a delivery, 1,000 subscribers, to the bare write's": "two other runs gave 1.03 and"
    " 1.15 x. 0.3 to 0.8 µs of a delivery are spent in user space, the rest in the kernel's `send`.",
    "connections a second": "client and server share the cores, and the hub takes more of them for"
    " each than nchan does: actix-http, and malloc for its buffers, a third of the time in user"
    " space.",
    "CPU to accept one": "half of it is the kernel's, as much as the bare write has. Of the rest a"
    " third is malloc, mostly for the buffers that actix-http makes and that are given back when"
    " the Broadcaster has the socket. Tried: mimalloc, which took less time in user space and more"
    " in the kernel, and up to 1.6 x the memory; socket options by inheritance, paths without"
    " regular expressions, no list of streams where nobody may revoke one (all three kept).",
    "memory of an idle subscriber": "the buffers of requests leave holes in the heap: the same build"
    " takes 1.98 to 2.4 KiB, by how many streams come at a time.",
}


def held_goals(table):
    """What is measured, its value, its bound, their unit, and whether it is met."""

    def to(name, scenario, measure):
        ratio = table.ratio(scenario, measure, name)
        return 1 / ratio if ratio else float("inf")

    def at_most(what, value, bound, unit=" x"):
        return what, value, f"at most {bound}{unit}", unit, value <= bound

    def at_least(what, value, bound, also=True):
        return what, value, f"at least {bound} x", " x", value >= bound and also

    def full(publishers, name, bound):
        scenario = f"full{publishers}"
        what = f"deliveries, {publishers} publishers, to {name}'s, nothing lost"
        lost = sum(table.faults(scenario, OWN)[:3])
        return at_least(what, to(name, scenario, "deliveries"), bound, lost == 0)

    grown = table.median("paced15k", "cpu") / table.median("paced", "cpu")
    own_memory = table.median("idle", "memory")
    bare = to("bare write", "paced", "cpu")
    return [
        at_most("CPU a delivery, 1,000 subscribers, to the bare write's", bare, 1.15),
        at_most("CPU a delivery, 1,000 subscribers, to nchan's", to("nchan", "paced", "cpu"), 1),
        at_most("CPU a delivery, 15,000 subscribers, to 1,000", grown, 1.25),
        at_most("latency p99, 1,000 subscribers, to nchan's", to("nchan", "paced", "p99"), 1),
        full(8, "nchan", 3),
        full(32, "nchan", 10),
        full(8, "Express", 15),
        full(32, "Express", 15),
        at_least("publishes, 1,000 topics, to nchan's", to("nchan", "topics", "publishes"), 1),
        at_least("connections a second, to nchan's", to("nchan", "idle", "connections"), 1),
        at_most("CPU to accept one, to nchan's", to("nchan", "idle", "cpu"), 1.2),
        at_most("memory of an idle subscriber", own_memory, 2, " KiB"),
        at_most("memory of an idle subscriber, to nchan's", to("nchan", "idle", "memory"), 0.2),
    ]


def commands(all_scenarios):
    lines = [
        "## The commands\n",
        "Each server runs alone, on a free port; RESULTS.md is `make bench`. Where a server has"
        " other paths, they follow: "
        + "; ".join(f"{s.name} `{shlex.join(s.manner)}`" for s in servers.ALL if s.manner)
        + ".\n",
        "```sh",
    ]
    for scenario in all_scenarios:
        load = shlex.join(scenario.load)
        lines.append(f"fanfare bench --json --url URL --pid PID {load}  # {scenario.title}")
    return "\n".join(lines) + "\n```\n"


def machine(reports, arguments):
    cpu = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpu)
    others = sorted(run["others"] for runs in reports.values() for run in runs)
    busy = f"{statistics.median(others):.0%} (median) to {others[-1]:.0%} of all CPU time"
    lines = [
        f"- {datetime.date.today()}, `benches/run.py {shlex.join(arguments)}`".rstrip(" `") + "`",
        f"- {os.cpu_count()} cores, {model[1] if model else 'unknown'}; {platform.system()}"
        f" {platform.release()}",
        f"- Fanfare {said(servers.TOOL, '--version').split()[-1]}"
        f" ({said('git', 'describe', '--always', '--dirty')}), {said('rustc', '--version')}",
        f"- {said('/usr/sbin/nginx', '-v').removeprefix('nginx version: ')}, nchan"
        f" {said('dpkg-query', '-W', '-f', '${Version}', 'libnginx-mod-nchan')}, two workers",
        f"- Node {said('node', '--version')}, Express {express()}, one process",
        "- bare write: two threads that do nothing but `write` an event to each stream"
        " (benches/floor)",
        f"- What else ran on the machine took {busy}",
    ]
    return "\n".join(lines) + "\n"


def said(*command):
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return (run.stdout + run.stderr).strip()


def express():
    lock = (ROOT / "benches/express/package.json").read_text()
    return re.search(r'"express": "(.*)"', lock)[1]


def summary(table):
    """The README's table: Fanfare's values, and the others' as multiples of them."""
    lines = [head(["", *NAMES])]
    for scenario in table.scenarios:
        for measure in scenario.measures:
            if measure.key in scenario.headlines:
                own = measure.show(table.median(scenario.key, measure.key))
                ratios = [table.ratio(scenario.key, measure.key, name) for name in NAMES[1:]]
                cells = ["" if ratio is None else times(ratio) for ratio in ratios]
                title = f"{scenario.title}: {measure.title} ({measure.better} is better)"
                lines.append(row([title, own, *cells]))
    return "\n".join(lines)


def insert(text):
    readme = ROOT / "README.md"
    marked = re.compile(r"(?<=<!-- bench -->\n).*(?=<!-- /bench -->)", re.DOTALL)
    readme.write_text(marked.sub(lambda _: text + "\n", readme.read_text(), count=1))
