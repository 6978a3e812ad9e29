"""The far side of the tests: the sidecar, an endpoint, and what the endpoint has in the end."""

import json
import os
import re
import urllib.request
from collections import Counter

import boto3

from programs import CREDENTIALS, PATIENCE, REGION, Program, Sidecar, wait_for

__all__ = ["GROUP", "Cloud", "Emulator", "Program", "Sidecar", "numbers", "start_sidecar", "wait_for"]

GROUP = "/splashdam/tests"
NUMBER = re.compile(r"\bn=(\d+)\b")


class Emulator(Program):
    """`splashdam emulator`, strict, on a free port of the loopback."""

    def __init__(self, *flags, auto_create=False):
        command = [os.environ["SPLASHDAM_BIN"], "emulator", "--listen", "127.0.0.1:0", *flags]
        command += ["--secret-key", CREDENTIALS["AWS_SECRET_ACCESS_KEY"]]
        super().__init__(command + ["--auto-create"] * auto_create)
        self.url = self.line(r"listening on (http://\S+)")[1]

    def control(self, path, body=None, method=None):
        """One call of the control API (emulator/README.md), and its answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def report(self):
        return self.control("report")


def start_sidecar(folder, endpoint, *flags, **options):
    """`splashdam run` on `folder / "s"` for the tests' group, ready to be written to; `.socket` is its path."""
    return Sidecar(folder, endpoint, "--group", GROUP, "--stream", "default", *flags, **options)


class Cloud:
    """CloudWatch's side, by the API that everybody uses."""

    def __init__(self, url):
        self.logs = boto3.client(
            "logs",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def streams(self, group=GROUP):
        """The names of the group's streams; none where there is no such group."""
        try:
            pages = self.logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
            return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        except self.logs.exceptions.ResourceNotFoundException:
            return []

    def events(self, stream=None, group=GROUP):
        """All events of one stream, or of all of the group's, in the order in which CloudWatch has them."""
        found = []
        for name in self.streams(group) if stream is None else [stream]:
            token = {}
            while True:
                page = self.logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True, **token)
                found += page["events"]
                if token.get("nextToken") == page["nextForwardToken"]:
                    break
                token = {"nextToken": page["nextForwardToken"]}
        return found

    def messages(self, stream=None, group=GROUP):
        return [event["message"] for event in self.events(stream, group)]

    def numbers(self, stream=None, group=GROUP):
        """How often each number arrived."""
        return numbers(self.messages(stream, group))

    def wait_for_numbers(self, expected, group=GROUP):
        """Waits until each of the numbers has arrived at least once; gives how often each did."""
        expected = set(expected)
        wait_for(f"all of {len(expected)} records arrived", lambda: expected <= self.numbers(group=group).keys())
        return self.numbers(group=group)


def numbers(messages):
    """How often each `n=NUMBER` stands in the messages."""
    return Counter(int(found[1]) for found in map(NUMBER.search, messages) if found)
