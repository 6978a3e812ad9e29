"""An app whose children log: `children.py STREAM os.fork|fork|pool|spawn|forkserver cold|warm`.

`warm`: the parent has logged, and so is connected, before it has children. Every child logs 50 numbers of its own.
"""

import logging
import multiprocessing
import os
import sys

import splashdam

STARTS = [100, 200, 300]


def configure(stream):
    logging.getLogger("app").addHandler(splashdam.CloudWatchLogHandler(log_stream_name=stream))


def work(first):
    for n in range(first, first + 50):
        logging.getLogger("app").error("n=%d", n)


def spawned(first, stream):
    configure(stream)
    work(first)


def main(stream, how, warmth):
    configure(stream)
    if warmth == "warm":
        work(0)
    if how == "os.fork":
        for first in STARTS:
            if os.fork() == 0:
                work(first)
                os._exit(0)
        for _ in STARTS:
            os.wait()
    elif how == "pool":
        with multiprocessing.get_context("fork").Pool(3) as pool:
            pool.map(work, STARTS)
    else:
        target, more = (spawned, (stream,)) if how in ("spawn", "forkserver") else (work, ())
        context = multiprocessing.get_context(how)
        children = [context.Process(target=target, args=(first, *more)) for first in STARTS]
        for child in children:
            child.start()
        for child in children:
            child.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
