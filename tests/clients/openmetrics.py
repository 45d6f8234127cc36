"""PyPI `prometheus_client`: reads a page of OpenMetrics from stdin with its parser, which refuses
what the format does not allow, and says as JSON what is on it."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

kinds, samples = {}, {}
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation, f"{family.name} has no help"
    kinds[family.name] = family.type
    for sample in family.samples:
        labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
        key = f"{sample.name}{{{labels}}}" if labels else sample.name
        assert key not in samples, f"{key} is there twice"
        samples[key] = sample.value
print(json.dumps({"kinds": kinds, "samples": samples}))
