"""The same app as examples/service.rs, in Python: logs numbered records until SIGTERM, or as many as it is told."""

import json
import logging
import signal
import sys
import threading

import splashdam

count = int(sys.argv[1]) if len(sys.argv) > 1 else None
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())

handler = splashdam.Handler()
logger = logging.getLogger("app")
logger.addHandler(handler)
logger.setLevel(logging.INFO)

logged = 0
while logged != count and not ended.is_set():
    logger.info("n=%d the service works", logged)
    logged += 1
    ended.wait(0.001)

logging.shutdown()
print(json.dumps({"logged": logged, "lost": sum(handler.stats().lost.values())}), flush=True)
