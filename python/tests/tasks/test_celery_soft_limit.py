"""SoftTimeLimitExceeded is raised by a signal handler, so that it can come anywhere in the middle of logging."""

from harness import wait_for

# One of thousands is swallowed by Python itself: LogRecord's constructor has an `except Exception` of its own.
SWALLOWED = "the exceptions do not come out of the logging calls"


def test_celerys_soft_time_limit(site):
    site.start_worker("--concurrency", "1")
    ended_early = 0
    for turn in range(5):
        task = site.send("count_until_soft_limit", turn * 100_000, 20_000, soft_time_limit=0.1)
        wait_for("the task has ended", task.ready)
        ended_early += not task.successful() or task.result < 20_000
    assert ended_early >= 4, SWALLOWED
    site.run("count", 1_000_000, 50)
    assert len(set(site.marked().values())) == 1, "it is the same child all the time"
    after = set(range(1_000_000, 1_000_050))
    assert after <= site.check(range(1_000_050)).keys()


def test_many_interruptions_in_the_middle_of_logging(site):
    site.start_worker("--concurrency", "1")
    used, caught = site.run("be_interrupted", 0, 400)
    assert caught >= 390, SWALLOWED
    site.run("count", used + 1, 50)
    assert len(set(site.marked().values())) == 1, "it is the same child all the time"
    after = set(range(used + 1, used + 51))
    assert after <= site.check(set(range(1, used + 51))).keys()
