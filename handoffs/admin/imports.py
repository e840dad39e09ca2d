"""Importing a file: upload, preview, progress, result, rejected rows to download, fix and send again."""

import tempfile
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import current_app
from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Shop, User
from handoffs import imports, permissions
from handoffs.admin.page import draw, page, person
from handoffs.intake import FORMATS, describe, read
from handoffs.intake.rows import Row, Unreadable
from handoffs.models import ImportRun

MAX_BYTES = 200 * 1024 * 1024
PREVIEWED = 10
SHOWN = 200


NAMES = {
    "auto": gettext_lazy("recognise by itself"),
    "qianniu": gettext_lazy("Qianniu export"),
    "jd": gettext_lazy("JD export"),
    "top": gettext_lazy("Taobao JSON"),
    "jd_api": gettext_lazy("JD JSON"),
}


class UploadForm(forms.Form):
    """A file for a shop; `as_of` is the moment the file speaks of."""

    shop = forms.ModelChoiceField(Shop.objects.none(), widget=UnfoldAdminSelectWidget())
    file = forms.FileField(widget=forms.ClearableFileInput(attrs={"class": "rd-files"}))
    format = forms.ChoiceField(
        choices=[(name, NAMES[name]) for name in FORMATS], widget=UnfoldAdminSelectWidget(), initial="auto"
    )
    as_of = forms.DateTimeField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )

    def __init__(self, user: User, *args: Any) -> None:
        super().__init__(*args)
        shops = user.shops_as(*permissions.VERBS["import"])
        field: Any = self.fields["shop"]
        field.queryset = Shop.objects.filter(pk__in=shops, active=True)
        field.label, self.fields["file"].label = _("shop"), _("file")
        self.fields["format"].label, self.fields["as_of"].label = _("format"), _("as of")
        self.fields["as_of"].help_text = _("When the file was downloaded. Empty: now.")
        self.fields["file"].help_text = _("csv, tsv, xlsx, xls or JSON, at most 200 MB.")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 200 MB. Split it, or use the import command."))
        return file


def seen_run(request: HttpRequest, run_id: int) -> ImportRun:
    shops = person(request).shops_as(*permissions.VERBS["import"])
    found = ImportRun.objects.filter(pk=run_id, shop__in=shops).select_related("shop", "by").first()
    if found is None:
        raise Http404
    return found


@page("GET", "POST", verb="import")
def upload(request: HttpRequest) -> HttpResponse:
    """The list of imports with the form above it; a file that can be read goes on to its preview."""
    user = person(request)
    form = UploadForm(user, *((request.POST, request.FILES) if request.method == "POST" else ()))
    if request.method == "POST" and form.is_valid():
        run = _store(form.cleaned_data, user)
        try:
            run.expected = describe(run.stored, format=run.format).rows
        except Unreadable as error:
            Path(run.stored).unlink(missing_ok=True)
            form.add_error("file", str(error))
        else:
            run.save()
            return redirect("admin:handoffs_import_run", run.pk)
    shops = user.shops_as(*permissions.VERBS["import"])
    runs = ImportRun.objects.filter(shop__in=shops).select_related("shop", "by")[:30]
    return draw(request, "handoffs/import.html", title=_("Import"), form=form, runs=runs)


def _store(values: dict[str, Any], user: User) -> ImportRun:
    """Keep the file outside the web root, under a name of our own."""
    folder = Path(settings.VAR_DIR) / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    file, stored = values["file"], folder / uuid4().hex
    with stored.open("wb") as target:
        for chunk in file.chunks():
            target.write(chunk)
    return ImportRun(shop=values["shop"], by=user, file_name=(file.name or "file")[:255], stored=str(stored),
                     format=values["format"], as_of=values["as_of"] or timezone.now(),
                     started_at=timezone.now())  # fmt: skip


@page("GET", "POST", verb="import")
def one_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Preview before, progress while, result after. POST starts it."""
    run = seen_run(request, run_id)
    if request.method == "POST":
        return _start(request, run)
    context: dict[str, Any] = {"run": run}
    if run.status == ImportRun.Status.WAITING:
        context |= _preview(run)
    else:
        context["rejects"] = list(run.rejects.order_by("number")[:SHOWN])
        labels = (("read", _("read")), ("created", _("new")), ("updated", _("updated")), ("unchanged", _("unchanged")),
                  ("rejected", _("rejected")))  # fmt: skip
        context["counts"] = [(name, label, getattr(run, name)) for name, label in labels]
    return draw(request, "handoffs/import_run.html", title=run.file_name, **context)


def _preview(run: ImportRun) -> dict[str, Any]:
    try:
        found = describe(run.stored, format=run.format)
        rows = list(islice(read(run.stored, format=run.format), PREVIEWED))
    except (Unreadable, OSError) as error:
        return {"problem": str(error)}
    return {"found": found, "rows": [{"row": row, "good": isinstance(row, Row)} for row in rows]}


def _start(request: HttpRequest, run: ImportRun) -> HttpResponse:
    going = (ImportRun.Status.WAITING, ImportRun.Status.RUNNING, ImportRun.Status.FAILED)
    if not ImportRun.objects.filter(pk=run.pk, status__in=going).update(status=ImportRun.Status.RUNNING):
        messages.info(request, _("This file has been imported already."))
    else:
        transaction.on_commit(lambda: current_app.send_task("handoffs.tasks.run_import", args=[run.pk]))
    return redirect("admin:handoffs_import_run", run.pk)


@page("GET", verb="import")
def progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """How far a run is, for the page that shows it."""
    run = seen_run(request, run_id)
    names = ("read", "created", "updated", "unchanged", "rejected", "expected", "status")
    return JsonResponse({name: getattr(run, name) for name in names})


@page("GET", verb="import")
def rejected_rows(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """The rejected rows as a workbook: fix them there and import it."""
    run = seen_run(request, run_id)
    with tempfile.TemporaryDirectory() as folder:
        path = imports.write_rejects(run, Path(folder) / "rejects.xlsx")
        content = BytesIO(path.read_bytes())
    return FileResponse(content, as_attachment=True, filename=f"{Path(run.file_name).stem}.rejects.xlsx")


PAGES = (
    ("import/", upload, "handoffs_import"),
    ("import/<int:run_id>/", one_run, "handoffs_import_run"),
    ("import/<int:run_id>/progress/", progress, "handoffs_import_progress"),
    ("import/<int:run_id>/rejects/", rejected_rows, "handoffs_import_rejects"),
)
