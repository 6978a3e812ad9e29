"""The three operations. How many queries and records each has is part of the contract, and tested."""

import logging
import uuid
from collections.abc import Callable

from django.conf import settings
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse

from workloads import database
from workloads.context import current, tally
from workloads.models import Account, ConcurrentUsage, Run, User
from workloads.queries import Distance

log = logging.getLogger("inventory.views")
distance = Distance(settings.SPEC.query_ms)
connection_created.connect(distance.wrap)

PAGE = 10
NOBODY = "9999999"
#: Numbers that a request has to itself, from the contract; so neighbours ask for different users.
NUMBERS = 16


def request_context(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: whose request it is, and which number its first record has."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.GET.get("n", "0")
        if not (given.isascii() and given.isdigit()):
            return HttpResponseBadRequest("n has to be the number of the request's first record\n")
        number = int(given)
        account_number = NOBODY
        if request.GET.get("identity") != "unknown":
            account_number = database.account_number(number // NUMBERS)
        current.begin(number, str(uuid.uuid4()), account_number)
        distance.queries = 0
        response = get_response(request)
        tally.requests += 1
        return response

    return middleware


def noop(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"queries": 0})


def sysconfig(request: HttpRequest) -> JsonResponse:
    """One query, three records."""
    log.info("Authenticating account %s", current.account_number)
    user = User.objects.get(account_number=current.account_number)
    log.info("Authenticated user %d of org %s", user.id, user.org_id)
    answer = {"version": "v2", "aws_account_id": 273470430754, "queries": distance.queries}
    log.info("Answering with %d settings", len(answer))
    return JsonResponse(answer)


def concurrent(request: HttpRequest) -> JsonResponse:
    """The most instances that ran at once, by day."""
    log.info("Authenticating account %s", current.account_number)
    user = User.objects.filter(account_number=current.account_number).first()
    return of_nobody() if user is None else of_user(user)


def of_user(user: User) -> JsonResponse:
    """Five queries in all, four records."""
    log.info("Authenticated user %d of org %s", user.id, user.org_id)
    accounts = [account.id for account in Account.objects.filter(user=user, is_enabled=True)]
    running = Run.objects.filter(instance__account__in=accounts, ended=None).count()
    log.info("Found %d accounts, %d running instances", len(accounts), running)
    usage = ConcurrentUsage.objects.filter(user=user)
    days, page = usage.count(), list(usage.order_by("-date")[:PAGE])
    log.info("Answering with %d of %d days of usage", len(page), days)
    return answer_with(days, page)


def of_nobody() -> JsonResponse:
    """Four queries in all, three records and a warning. There is nothing to find, but the questions are the same."""
    known = User.objects.filter(org_id=current.account_number).exists()
    log.warning("No user for account %s, org known: %s", current.account_number, known)
    usage = ConcurrentUsage.objects.filter(user__account_number=current.account_number)
    days = usage.count()
    log.info("Found %d days of usage for account %s", days, current.account_number)
    page = list(usage.order_by("-date")[:PAGE])
    log.info("Answering with %d of %d days of usage", len(page), days)
    return answer_with(days, page)


def answer_with(days: int, page: list[ConcurrentUsage]) -> JsonResponse:
    found = [{"date": usage.date.isoformat(), "maximum_counts": usage.maximum_counts} for usage in page]
    return JsonResponse({"meta": {"count": days}, "data": found, "queries": distance.queries})
