"""SoftTimeLimitExceeded is raised by a signal handler, so that it can come anywhere in the middle of logging."""

from harness import wait_for


def test_celerys_soft_time_limit(site):
    site.start_worker("--concurrency", "1")
    turns = range(5)
    for turn in turns:
        task = site.send("count_until_soft_limit", turn * 100_000, 100_000, soft_time_limit=0.1)
        wait_for("the task has ended", task.ready)
        assert not task.successful() or task.result < 100_000, "the exception did not come out of the logging calls"
    site.run("count", 1_000_000, 50)
    assert len(set(site.marked().values())) == 1, "it is the same child all the time"
    after = set(range(1_000_000, 1_000_050))
    assert after <= site.check(range(1_000_050)).keys()


def test_many_interruptions_in_the_middle_of_logging(site):
    site.start_worker("--concurrency", "1")
    used, caught = site.run("be_interrupted", 0, 400)
    assert caught == 400, "each exception came out of the logging calls"
    site.run("count", used + 1, 50)
    assert len(set(site.marked().values())) == 1, "it is the same child all the time"
    after = set(range(used + 1, used + 51))
    assert after <= site.check(set(range(1, used + 51))).keys()
