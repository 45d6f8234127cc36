"""PyPI `sseclient-py` over `requests`: reads one stream; whoever uses it reconnects, as this does."""

import json
import sys
import time

import requests
from sseclient import SSEClient


def say(**what):
    print(json.dumps(what), flush=True)


last_event_id = ""
reconnection_time = 1.0
while True:
    headers = {"Accept": "text/event-stream"}
    if last_event_id:
        headers["Last-Event-ID"] = last_event_id
    with requests.get(sys.argv[1], stream=True, headers=headers) as response:
        response.raise_for_status()
        say(what="open")
        for event in SSEClient(response).events():
            say(what="message", id=event.id or None, type=event.event, data=event.data)
            last_event_id = event.id or last_event_id
            if event.retry is not None:
                reconnection_time = int(event.retry) / 1000
    say(what="error", message="the stream has ended")
    time.sleep(reconnection_time)
