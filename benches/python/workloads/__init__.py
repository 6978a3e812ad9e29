"""The apps whose logging is measured, as our users run them: Django under gunicorn, and Celery with Redis.

`python -m workloads api` and `python -m workloads tasks`, driven from outside in the same way as the Rust app.

    spec ─ what was asked for, for every process ─┐
    modes ─ one LOGGING dict for each mode ───────┼─ context ─ the number, time and size of each record; the tally
    api ─ settings, site, views, models, database, queries        account ─ what a process says at its end
    tasks ─ broker, celery_app                                    processes ─ their CPU time, and that none is left

The handlers are Watchtower's own, Python's own and ours, made by `logging.config` from a dict, with the defaults that
their users get. Nothing here measures latency, and nothing knows what arrived: that is the driver's and the endpoint's.
"""
