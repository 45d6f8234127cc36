"""Verifies a webhook with the library of Standard Webhooks: secret, id, timestamp and signature are
arguments, the body comes from standard input."""

import sys

from standardwebhooks.webhooks import Webhook

secret, id_, timestamp, signature = sys.argv[1:]
headers = {"webhook-id": id_, "webhook-timestamp": timestamp, "webhook-signature": signature}
Webhook(secret).verify(sys.stdin.read(), headers)
