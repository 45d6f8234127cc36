# What schemathesis does not know by itself.

import json

import schemathesis
from hypothesis import strategies as st


# Heads that a server reads. Beyond that actix answers by itself, with no body: 400 where a URL has
# over 64 KiB, and 431 where a head has over 128 KiB.
@schemathesis.hook
def filter_case(context, case):
    # As an escape, a byte takes three.
    query = sum(3 * len(str(value).encode()) for value in (case.query or {}).values())
    return len(case.formatted_path) + query < 60_000


events = st.fixed_dictionaries(
    {"data": st.none() | st.booleans() | st.integers() | st.text()},
    optional={
        "topic": st.text() | st.lists(st.text(), max_size=3),
        "type": st.text(),
        "id": st.text(),
        "retry": st.integers(),
        "ttl": st.integers() | st.text(),
        "delay": st.integers(0, 5),
        "private": st.booleans() | st.none(),
        "other": st.none(),
    },
)
schemathesis.openapi.media_type(
    "application/x-ndjson",
    st.lists(events, max_size=4).map(lambda all: "\n".join(map(json.dumps, all)).encode()),
)


# A type with a strategy takes no example that is text. The page's test sends it.
@schemathesis.hook
def before_load_schema(context, raw_schema):
    body = raw_schema["paths"]["/send-events"]["post"]["requestBody"]
    del body["content"]["application/x-ndjson"]["example"]
