"""Several streams, one thread, no loop: counts the log calls that waited while the sidecar hung."""

import logging
import os
import time

import splashdam

STREAMS, RECORDS, SIZE = 4, 1200, 2000
ROUNDS = 3
# The handler waits for 250 ms; nothing else in a log call takes nearly as long on a machine that is awake.
LONG = 0.2

handlers = [splashdam.Handler(stream=f"stream-{k}") for k in range(STREAMS)]
loggers = [logging.getLogger(f"app.{k}") for k in range(STREAMS)]
for logger, handler in zip(loggers, handlers):
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)


def turn(name):
    print(name, flush=True)
    while not os.path.exists(os.path.join(os.environ["TURNS"], name.replace(" ", "-"))):
        time.sleep(0.01)


number = 0


def say():
    """One record, to the streams in turn; gives how long the call took."""
    global number
    begun = time.monotonic()
    loggers[number % STREAMS].info("n=%d %s", number, "x" * SIZE)
    number += 1
    return time.monotonic() - begun


for k in range(ROUNDS):
    for _ in range(STREAMS):
        say()
    turn(f"round {k}")
    print("waits", sum(say() > LONG for _ in range(RECORDS)), flush=True)
    turn(f"after {k}")
    for handler in handlers:
        report = handler.flush(30, "ended")
        assert report.all_delivered, report
