"""Compares two log groups: compare.py OLD_GROUP NEW_GROUP [FROM [TO]], in minutes ago (65 and 5).

Prints a line for each stream; exits with 1 if a record of the old group is missing in the new one.
"""

import collections
import sys
import time

import boto3


def records(logs, group, start, end):
    """How often each record, (time, text), stands in each stream of a group."""
    streams = {}
    for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=group):
        for stream in page["logStreams"]:
            name = stream["logStreamName"]
            ask = {"logGroupName": group, "logStreamName": name, "startTime": start, "endTime": end}
            found, token = collections.Counter(), {}
            while True:
                answer = logs.get_log_events(startFromHead=True, **ask, **token)
                found.update((event["timestamp"], event["message"]) for event in answer["events"])
                if token.get("nextToken") == answer["nextForwardToken"]:
                    break
                token = {"nextToken": answer["nextForwardToken"]}
            streams[name] = found
    return streams


def main(old_group, new_group, start=65, end=5):
    logs = boto3.client("logs")
    span = [int((time.time() - 60 * float(minutes)) * 1000) for minutes in (start, end)]
    old, new = records(logs, old_group, *span), records(logs, new_group, *span)
    missing = 0
    print(f"{'old':>10} {'new':>10} {'missing':>10} {'more':>10}  stream")
    for name in sorted({*old, *new}):
        was, now = old.get(name, collections.Counter()), new.get(name, collections.Counter())
        lacks, more = was - now, now - was
        missing += sum(lacks.values())
        counts = [sum(counter.values()) for counter in (was, now, lacks, more)]
        print("{:>10} {:>10} {:>10} {:>10}  {}".format(*counts, name))
        for at, text in list(lacks)[:3]:
            print(f"{'missing:':>43}  {at} {text[:100]}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
