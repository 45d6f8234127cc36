"""PyPI `mercure-publisher`: publishes on both of its roads, and says what it was answered."""

import asyncio
import json
import sys

from mercure_publisher import (
    AsyncMercurePublisher,
    MercureConfig,
    MercurePublisher,
    MercurePublishError,
)

hub_url, key, granted = sys.argv[1:]
config = MercureConfig(hub_url=hub_url, publisher_jwt_key=key, publish_topics=[granted])
BOOK, OTHER = "https://example.com/books/1", "https://example.com/books/2"


def events(road):
    """What is published: the arguments of each call."""
    yield (BOOK, {"title": "Café 🎺"}), {}
    own = {"id": f"urn:{road}:2", "type": "note", "retry": 2000}
    yield ([BOOK, OTHER], "two\nlines"), own
    yield (BOOK, "private"), {"private": True}
    yield ([BOOK, "https://example.com/users/1"], "refused"), {}


def say(**what):
    print(json.dumps(what), flush=True)


def failed(error):
    say(status=error.status_code, body=error.response_body)


with MercurePublisher(config) as publisher:
    for arguments, options in events("sync"):
        try:
            say(id=publisher.publish(*arguments, **options))
        except MercurePublishError as error:
            failed(error)


async def publish():
    async with AsyncMercurePublisher(config) as publisher:
        for arguments, options in events("async"):
            try:
                say(id=await publisher.publish(*arguments, **options))
            except MercurePublishError as error:
                failed(error)


asyncio.run(publish())
