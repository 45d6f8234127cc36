"""What is measured: the loads, and what of their results is shown."""

import dataclasses
import typing


@dataclasses.dataclass
class Measure:
    """A number of a run's report."""

    key: str
    title: str
    #: `more` or `less`.
    better: str
    #: How it is shown.
    form: str
    of: typing.Callable[[dict], float]

    def show(self, value):
        return self.form.format(value)


@dataclasses.dataclass
class Scenario:
    key: str
    title: str
    load: list
    measures: list
    #: The measures that the README shows.
    headlines: list
    publishes: bool = True
    needs_topics: bool = False


def total(cpu):
    return cpu["user"] + cpu["system"]


def cpu(report):
    return total(report["cpu"]["server_us"])


def p50(report):
    return report["deliveries"]["latency_ms"]["p50"]


def p99(report):
    return report["deliveries"]["latency_ms"]["p99"]


def deliveries(report):
    return report["deliveries"]["per_second"]


def publishes(report):
    return report["publishing"]["per_second"]


def memory(report):
    return report["memory"]["per_subscriber"] / 1024


def connections(report):
    return report["connecting"]["per_second"]


def cpu_to_connect(report):
    return total(report["connecting"]["server_cpu_us"])


#: At full speed the tool looks at its streams now and then only: the machine is the server's.
REST = "10ms"


def load(subscribers, **options):
    flags = [["--" + name.replace("_", "-"), str(value)] for name, value in options.items()]
    return ["--subscribers", str(subscribers), *(part for flag in flags for part in flag)]


def all_of(seconds):
    """The scenarios, with so many seconds of publishing each."""
    paced = [
        Measure("cpu", "CPU a delivery, µs", "less", "{:.2f}", cpu),
        Measure("p50", "latency p50, ms", "less", "{:.1f}", p50),
        Measure("p99", "latency p99, ms", "less", "{:.1f}", p99),
    ]
    full = [
        Measure("deliveries", "deliveries a second", "more", "{:,.0f}", deliveries),
        Measure("cpu", "CPU a delivery, µs", "less", "{:.2f}", cpu),
        Measure("p99", f"latency p99, up to {REST} of it the tool's, ms", "less", "{:.1f}", p99),
    ]
    return [
        Scenario(
            "paced",
            "1,000 subscribers, 50 events a second",
            load(1000, rate=50, duration=seconds),
            paced,
            ["cpu", "p99"],
        ),
        Scenario(
            "paced15k",
            "15,000 subscribers, 3 events a second",
            load(15_000, rate=3, duration=seconds),
            paced,
            ["cpu"],
        ),
        Scenario(
            "full8",
            "1,000 subscribers, 8 publishers at full speed",
            load(1000, rate=0, publishers=8, rest=REST, duration=seconds),
            full,
            ["deliveries"],
        ),
        Scenario(
            "full32",
            "1,000 subscribers, 32 publishers at full speed",
            load(1000, rate=0, publishers=32, rest=REST, duration=seconds),
            full,
            ["deliveries"],
        ),
        Scenario(
            "topics",
            "1,000 topics with one subscriber each, 8 publishers at full speed",
            load(1000, topics=1000, rate=0, publishers=8, rest=REST, duration=seconds),
            [
                Measure("publishes", "publishes a second", "more", "{:,.0f}", publishes),
                *full[1:],
            ],
            ["publishes"],
            needs_topics=True,
        ),
        Scenario(
            "idle",
            "15,000 subscribers come at once, and are left idle",
            load(15_000, duration=0, idle=min(seconds, 3), threads=2),
            [
                Measure("connections", "connections a second", "more", "{:,.0f}", connections),
                Measure("cpu", "CPU to accept one, µs", "less", "{:.1f}", cpu_to_connect),
                Measure("memory", "memory a subscriber (PSS), KiB", "less", "{:.2f}", memory),
            ],
            ["connections", "cpu", "memory"],
            publishes=False,
        ),
        Scenario(
            "storm",
            "15,000 subscribers come and go, again and again",
            load(15_000, duration=seconds, threads=2) + ["--storm"],
            [
                Measure("connections", "connections a second", "more", "{:,.0f}", connections),
                Measure("cpu", "CPU for each, µs", "less", "{:.1f}", cpu_to_connect),
            ],
            [],
            publishes=False,
        ),
    ]
