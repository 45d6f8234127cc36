"""PyPI `httpx-sse`: reads one stream; whoever uses it reconnects, as this does. Its arguments: the
URL, and a token if need be."""

import json
import sys
import time

import httpx
from httpx_sse import connect_sse


def say(**what):
    print(json.dumps(what), flush=True)


authorization = {"Authorization": f"Bearer {sys.argv[2]}"} if len(sys.argv) > 2 else {}
last_event_id = ""
reconnection_time = 1.0
# A stream may be silent for as long as it likes.
with httpx.Client(timeout=None) as client:
    while True:
        resume = {"Last-Event-ID": last_event_id} if last_event_id else {}
        headers = authorization | resume
        with connect_sse(client, "GET", sys.argv[1], headers=headers) as source:
            source.response.raise_for_status()
            say(what="open")
            for event in source.iter_sse():
                say(what="message", id=event.id or None, type=event.event, data=event.data)
                last_event_id = event.id or last_event_id
                if event.retry is not None:
                    reconnection_time = event.retry / 1000
        say(what="error", message="the stream has ended")
        time.sleep(reconnection_time)
