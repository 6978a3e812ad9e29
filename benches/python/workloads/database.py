"""The SQLite file: made and filled once, by Django, in a process of its own; `python -m workloads.database FILE`.

It is filled under another name, so that a file of the right name is whole. What is in it is the same each time.
"""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

from workloads.spec import Spec

#: `PRAGMA user_version`: this shape, and nobody else's file.
SHAPE = 6_000_001
USERS = 200
ACCOUNTS = 2  # Of a user.
INSTANCES = 3  # Of an account.
IMAGES = 20
DAYS = 30
FIRST_DAY = date(2022, 4, 1)
LONGEST = 120  # seconds


class Unusable(Exception):
    """A file that cannot be used; the text says what to do."""


def account_number(number: int) -> str:
    """That of one of the users."""
    return str(1_460_000 + number % USERS)


def prepare(path: str) -> None:
    """Makes the file if there is none. Not in this process: the server forks, and a connection must not be forked."""
    if not os.path.exists(path):
        environment = {**os.environ, **Spec(database=f"{path}.making").environment()}
        command = [sys.executable, "-m", "workloads.database", path]
        if subprocess.run(command, env=environment, timeout=LONGEST, stdout=sys.stderr).returncode:
            raise Unusable(f"the database {path} could not be made")
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != SHAPE:
        raise Unusable(f"{path} is not this app's database: name another file, or remove it so that it is made anew")


def main(path: str) -> None:
    making = Spec.current().database
    if os.path.exists(making):
        os.remove(making)
    os.environ["DJANGO_SETTINGS_MODULE"] = "workloads.settings"
    import django

    django.setup()
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA user_version={SHAPE}")
    make_tables()
    with transaction.atomic():
        fill()
    connection.close()
    os.replace(making, path)


def make_tables() -> None:
    from django.apps import apps
    from django.db import connection

    with connection.schema_editor() as editor:
        for model in apps.get_app_config("workloads").get_models():
            editor.create_model(model)


def fill() -> None:
    from workloads.models import Account, ConcurrentUsage, Image, Instance, Run, User

    architectures = ("x86_64", "arm64")
    images = Image.objects.bulk_create(
        Image(image_id=f"ami-{k:017x}", architecture=architectures[k % 2], has_subscription=k % 3 == 0)
        for k in range(IMAGES)
    )
    users = User.objects.bulk_create(
        User(account_number=account_number(k), org_id=str(10_000 + k), joined=FIRST_DAY) for k in range(USERS)
    )
    accounts = Account.objects.bulk_create(
        Account(user=user, name=f"account {k}", cloud_id=f"{user.id * ACCOUNTS + k:012d}")
        for user in users
        for k in range(ACCOUNTS)
    )
    instances = Instance.objects.bulk_create(
        Instance(account=account, image=images[(account.id + k) % IMAGES], instance_id=f"i-{account.id:09x}{k:08x}")
        for account in accounts
        for k in range(INSTANCES)
    )
    Run.objects.bulk_create(
        Run(instance=instance, instance_type="m5.large", vcpu=2, **span(instance.id, k))
        for instance in instances
        for k in range(2)
    )
    ConcurrentUsage.objects.bulk_create(
        ConcurrentUsage(user=user, date=FIRST_DAY + timedelta(day), maximum_counts=counts(user.id + day))
        for user in users
        for day in range(DAYS)
    )


def span(instance: int, which: int) -> dict[str, datetime | None]:
    """Of an instance's first run, which has ended, or of its second, which goes on."""
    began = datetime(2022, 4, 1 + 10 * which, instance % 24, tzinfo=UTC)
    return {"began": began, "ended": None if which else began + timedelta(days=5)}


def counts(seed: int) -> list[dict[str, object]]:
    return [{"arch": arch, "sla": "_ANY", "instances_count": seed % 7 + 1} for arch in ("_ANY", "x86_64", "arm64")]


if __name__ == "__main__":
    main(sys.argv[1])
