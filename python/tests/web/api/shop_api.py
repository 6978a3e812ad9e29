"""A FastAPI app that logs from async handlers; a heartbeat measures how long the loop was away at most."""

import asyncio
import contextlib
import logging
import logging.config
import os
import time

from fastapi import FastAPI

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "splashdam.JsonFormatter"}},
    "handlers": {"splashdam": {"class": "splashdam.Handler", "formatter": "json"}},
    "loggers": {
        "shop": {"handlers": ["splashdam"], "level": "INFO"},
        "uvicorn.error": {"handlers": ["splashdam"], "level": "INFO"},
    },
}
if os.environ["SHOP_HANDLER"] == "control":
    os.environ["SPLASHDAM_DISABLED"] = "1"

logging.config.dictConfig(LOGGING)
log = logging.getLogger("shop")

BEAT = 0.005
heartbeat = {"longest": 0.0}


async def beat():
    last = time.monotonic()
    while True:
        await asyncio.sleep(BEAT)
        now = time.monotonic()
        heartbeat["longest"] = max(heartbeat["longest"], now - last - BEAT)
        last = now


@contextlib.asynccontextmanager
async def lifespan(app):
    task = asyncio.create_task(beat())
    yield
    task.cancel()
    for handler in logging.getLogger("shop").handlers:
        print("flushed:", await handler.flush_async(5, "ended"))


app = FastAPI(lifespan=lifespan)


@app.get("/log")
async def log_some(first: int, count: int = 1, size: int = 0):
    for number in range(first, first + count):
        log.info("n=%d %s", number, "x" * size)
        await asyncio.sleep(0)
    return {"pid": os.getpid()}


@app.get("/thread")
def log_in_a_thread(first: int, count: int = 1, size: int = 0):
    """FastAPI runs a plain function in a thread of its own: there no loop runs, and the handler may wait."""
    for number in range(first, first + count):
        log.info("n=%d %s", number, "x" * size)
    return {"pid": os.getpid()}


@app.get("/gap")
async def gap():
    """The longest gap since the last question, in seconds."""
    longest, heartbeat["longest"] = heartbeat["longest"], 0.0
    return {"longest": longest}
