"""Importing a file: upload, preview, progress, result, rejected rows to download, fix and send again."""

import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import current_app
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from kombu.exceptions import OperationalError

from accounts import audit
from accounts.models import Shop, User
from handoffs import imports, permissions
from handoffs.admin import values
from handoffs.admin.import_form import NAMES, UploadForm
from handoffs.admin.page import draw, page, person
from handoffs.exact import whole
from handoffs.flow import intake
from handoffs.intake import describe
from handoffs.intake.columns import missing
from handoffs.intake.rows import Row, Unreadable
from handoffs.models import Case, ImportRun

# A page reads the file up to three times, and the web server waits 60 seconds for it.
SECONDS = 10
TRIED = 200
SHOWN = 10
REJECTS_SHOWN = 200
RUNS_SHOWN = 30
OF_JD = ("jd", "jd_api")
LABELS = (
    ("read", gettext_lazy("rows read")),
    ("created", gettext_lazy("new")),
    ("updated", gettext_lazy("updated")),
    ("unchanged", gettext_lazy("unchanged")),
    ("rejected", gettext_lazy("rejected")),
)


def import_shops(user: User) -> frozenset[int]:
    return user.shops_as(*permissions.VERBS["import"])


def seen_run(request: HttpRequest, run_id: int) -> ImportRun:
    shops = import_shops(person(request))
    found = ImportRun.objects.filter(pk=run_id, shop__in=shops).select_related("shop", "by").first()
    if found is None:
        raise Http404
    return found


# Upload and the list of imports ---------------------------------------------------------------------------------------


@page("GET", "POST", verb="import")
def upload(request: HttpRequest) -> HttpResponse:
    """The list of imports with the form above it; a file that can be read goes on to its preview."""
    user, shops = person(request), import_shops(person(request))
    form = UploadForm(shops, *((request.POST, request.FILES) if request.method == "POST" else ()))
    if request.method == "POST" and form.is_valid():
        run = _stored(form, user)
        if run is not None:
            return redirect("admin:handoffs_import_run", run.pk)
    context = {"form": form, "zone": user.time_zone, **_runs(request, shops)}
    return draw(request, "handoffs/imports/list.html", title=_("Import"), **context)


def _stored(form: UploadForm, user: User) -> ImportRun | None:
    """Keep the file under a name of our own; one that cannot be read is thrown away and complained about."""
    values_given, now = form.cleaned_data, timezone.now()
    file, path = values_given["file"], imports.folder() / uuid4().hex
    try:
        imports.keep(file.chunks(), path)
        expected = describe(path, format=values_given["format"], seconds=SECONDS).rows
    except Unreadable as error:
        path.unlink(missing_ok=True)
        form.add_error("file", str(error))
        return None
    more = {"by": user, "format": values_given["format"], "expected": expected}
    as_of = values_given["as_of"] or now
    run = imports.new_run(values_given["shop"], path, name=file.name or "file", as_of=as_of, at=now, **more)
    run.save()
    return run


def _runs(request: HttpRequest, shops: frozenset[int]) -> dict[str, Any]:
    """The latest imports, or those before the one named in the address; and where older ones go on."""
    runs = ImportRun.objects.filter(shop__in=shops).select_related("shop", "by")
    if before := whole(request.GET.get("before", "")):
        runs = runs.filter(pk__lt=before)
    found = list(runs[: RUNS_SHOWN + 1])
    older = found[RUNS_SHOWN - 1].pk if len(found) > RUNS_SHOWN else None
    return {"runs": found[:RUNS_SHOWN], "older": older, "waiting": imports.waiting(shops).values("pk")[:1000].count()}


# One import: preview, progress, result --------------------------------------------------------------------------------


@page("GET", "POST", verb="import")
def one_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Preview before, progress while, result after. POST starts it."""
    run = seen_run(request, run_id)
    if request.method == "POST":
        return _start(request, run)
    context: dict[str, Any] = {"run": run}
    if run.status == ImportRun.Status.WAITING:
        context |= _preview(run, person(request))
    else:
        context |= _result(run)
    return draw(request, "handoffs/imports/run.html", title=run.file_name, **context)


def _preview(run: ImportRun, user: User) -> dict[str, Any]:
    """What the file is, its first rows in our words, and what a run would do with the first ones."""
    try:
        found = describe(run.stored, format=run.format, seconds=SECONDS)
        tried = list(imports.results(run, by=user, at=timezone.now(), dry_run=True, only=TRIED, seconds=SECONDS))
    except Unreadable as error:
        return {"problem": str(error)}
    counts = intake.Counts()
    for outcome, _row in tried:
        counts.add(outcome)
    return {
        "found": found,
        "format": NAMES.get(found.format, found.format),
        "missing": missing(found),
        "parcels": found.format == "parcels",
        "stranger": found.format != "parcels"
        and (found.format in OF_JD) != (run.shop.marketplace == Shop.Marketplace.JD),
        "rows": [_shown(outcome, row) for outcome, row in tried[:SHOWN]],
        "counts": _labelled(counts),
        "tried": counts.read,
        "all_tried": counts.read >= found.rows,
    }


def _shown(outcome: intake.Outcome, row: Any) -> dict[str, Any]:
    """A row as the preview shows it: the reader's fields in words, or why it is turned down."""
    said = row.fields if isinstance(row, Row) else {}
    phase = said.get("phase", "")
    return {
        "number": outcome.number,
        "refund_id": outcome.refund_id,
        "result": outcome.result,
        "label": dict(LABELS)[outcome.result],
        "reason": outcome.reason,
        "order_id": said.get("order_id", ""),
        "amount": said.get("amount"),
        "type": values.said("dispute_type", said.get("dispute_type", "")),
        "phase": Case.Phase(phase).label if phase in Case.Phase.values else phase,
        "order": values.said("order_status", said.get("order_status", "")),
        "goods": values.said("good_status", said.get("good_status", "")),
        "applied_at": said.get("applied_at"),
        "why": said.get("reason", ""),
    }


def _labelled(counts: Any) -> list[tuple[str, Any, int]]:
    return [(name, label, getattr(counts, name)) for name, label in LABELS]


def _result(run: ImportRun) -> dict[str, Any]:
    rejects = list(run.rejects.order_by("number")[: REJECTS_SHOWN + 1])
    return {
        "stands_still": run.pk in imports.standing(timezone.now()),
        "counts": _labelled(run),
        "rejects": rejects[:REJECTS_SHOWN],
        "more_rejects": len(rejects) > REJECTS_SHOWN,
        "open_rejects": run.rejects.filter(settled_at=None).values("pk")[:1000].count(),
    }


def _start(request: HttpRequest, run: ImportRun) -> HttpResponse:
    """Hand the run to the worker. Started again it begins anew, and what was taken stays as it is."""
    before = run.status
    if not imports.ask(run.pk, at=timezone.now()):
        messages.info(request, _("This file has been imported already."))
        return redirect("admin:handoffs_import_run", run.pk)
    try:
        current_app.send_task("handoffs.tasks.run_import", args=[run.pk])
    except (OperationalError, OSError):
        ImportRun.objects.filter(pk=run.pk).update(status=before)
        messages.error(request, _("The worker cannot be reached, so nothing was started. Try again in a minute."))
    return redirect("admin:handoffs_import_run", run.pk)


@page("GET", verb="import")
def progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """How far a run is, for the page that shows it."""
    run = seen_run(request, run_id)
    return JsonResponse({name: getattr(run, name) for name in (*imports.COUNTED, "expected", "status")})


# What was turned down -------------------------------------------------------------------------------------------------


@page("GET", verb="import")
def rejected_rows(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """The rejected rows as a workbook: fix them there and import it."""
    run = seen_run(request, run_id)
    rows = run.rejects.filter(settled_at=None).count() or run.rejects.count()
    told = f"rejects of import {run.pk}: {rows} rows"
    audit.note(audit.Kind.REVEALED, by=person(request), at=timezone.now(), text=told)
    with tempfile.TemporaryDirectory() as folder:
        path = imports.write_rejects(run, Path(folder) / "rejects.xlsx")
        content = path.open("rb")
    return FileResponse(content, as_attachment=True, filename=f"{Path(run.file_name).stem}.rejects.xlsx")


@page("POST", verb="import")
def settle_rows(request: HttpRequest, run_id: int) -> HttpResponse:
    """The rows still rejected need no fixing: they do not count as waiting any more."""
    run = seen_run(request, run_id)
    rows = list(run.rejects.filter(settled_at=None).values_list("pk", flat=True))
    imports.settle(rows, at=timezone.now())
    messages.success(request, _("%(count)s rows no longer wait.") % {"count": len(rows)})
    return redirect("admin:handoffs_import_run", run.pk)


@page("POST", verb="import")
def discard(request: HttpRequest, run_id: int) -> HttpResponse:
    """Throw away a file that was looked at and not imported."""
    run = seen_run(request, run_id)
    gone, _rows = ImportRun.objects.filter(pk=run.pk, status=ImportRun.Status.WAITING).delete()
    if gone:
        imports.discard(run)
        messages.success(request, _("The file was thrown away. Nothing was imported."))
    return redirect("admin:handoffs_import")


PAGES = (
    ("import/", upload, "handoffs_import"),
    ("import/<int:run_id>/", one_run, "handoffs_import_run"),
    ("import/<int:run_id>/progress/", progress, "handoffs_import_progress"),
    ("import/<int:run_id>/rejects/", rejected_rows, "handoffs_import_rejects"),
    ("import/<int:run_id>/settle/", settle_rows, "handoffs_import_settle"),
    ("import/<int:run_id>/discard/", discard, "handoffs_import_discard"),
)
