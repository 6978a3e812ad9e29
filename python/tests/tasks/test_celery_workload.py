"""The shape of a real app's work: one request fans out into 671 tasks, which log 2,117 records of about 207 bytes."""

from harness import wait_for

TASKS, RECORDS, BYTES = 671, 2_117, 437_000


def test_one_request_that_fans_out(site):
    site.start_worker("--concurrency", "2")
    site.run("fan_out", TASKS, RECORDS, BYTES // RECORDS)
    wait_for("all tasks have logged", lambda: len(site.marked()) == RECORDS)
    assert site.check(range(RECORDS)).keys() == set(range(RECORDS))
    ours = [message for message in site.cloud.messages() if " n=" in message]
    assert len(ours) == RECORDS
    assert abs(sum(len(message) for message in ours) - BYTES) < BYTES * 0.05
