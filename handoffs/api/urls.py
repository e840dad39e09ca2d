"""/api/v1/: every address of the API. The names issue 2 fixes stand here once."""

from django.urls import path, re_path

from handoffs.api.views import (
    acts,
    applications,
    attachments,
    cases,
    decisions,
    handoffs,
    me,
    parcels,
    queue,
    reports,
)
from handoffs.api.views.base import NoSuchPage

app_name = "api"
urlpatterns = [
    path("refund-applications/", applications.RefundApplications.as_view(), name="refund-applications"),
    path("parcel-events/", parcels.ParcelEvents.as_view(), name="parcel-events"),
    path("queue/", queue.Queue.as_view(), name="queue"),
    path("reports/", reports.Reports.as_view(), name="reports"),
    path("me/", me.Me.as_view(), name="me"),
    path("templates/", me.Templates.as_view(), name="templates"),
    path("cases/", cases.Cases.as_view(), name="cases"),
    path("cases/<int:pk>/", cases.OneCase.as_view(), name="case"),
    path("cases/<int:pk>/respond/", cases.Respond.as_view(), name="case-respond"),
    path("cases/<int:pk>/claim/", cases.Claim.as_view(), name="case-claim"),
    path("cases/<int:pk>/assign/", cases.Assign.as_view(), name="case-assign"),
    path("cases/<int:pk>/put_back/", cases.PutBack.as_view(), name="case-put-back"),
    path("cases/<int:pk>/reveal_buyer/", cases.RevealBuyer.as_view(), name="case-reveal-buyer"),
    path("cases/<int:pk>/handoffs/", acts.Ask.as_view(), name="case-handoffs"),
    path("cases/<int:pk>/decisions/", acts.Decide.as_view(), name="case-decisions"),
    path("cases/<int:pk>/acts/", acts.Acts.as_view(), name="case-acts"),
    path("cases/<int:pk>/acts/<slug:code>/", acts.Perform.as_view(), name="case-act"),
    path("handoffs/", handoffs.Handoffs.as_view(), name="handoffs"),
    path("handoffs/<int:pk>/", handoffs.OneHandoff.as_view(), name="handoff"),
    path("handoffs/<int:pk>/claim/", handoffs.Claim.as_view(), name="handoff-claim"),
    path("handoffs/<int:pk>/answer/", handoffs.Answer.as_view(), name="handoff-answer"),
    path("handoffs/<int:pk>/return/", handoffs.Return.as_view(), name="handoff-return"),
    path("handoffs/<int:pk>/reassign/", handoffs.Reassign.as_view(), name="handoff-reassign"),
    path("handoffs/<int:pk>/withdraw/", handoffs.Withdraw.as_view(), name="handoff-withdraw"),
    path("handoffs/<int:pk>/send_again/", handoffs.SendAgain.as_view(), name="handoff-send-again"),
    path("decisions/approve/", decisions.ApproveMany.as_view(), name="decisions-approve"),
    path("decisions/<int:pk>/", decisions.OneDecision.as_view(), name="decision"),
    path("decisions/<int:pk>/approve/", decisions.Approve.as_view(), name="decision-approve"),
    path("decisions/<int:pk>/refuse/", decisions.Refuse.as_view(), name="decision-refuse"),
    path("decisions/<int:pk>/withdraw/", decisions.Withdraw.as_view(), name="decision-withdraw"),
    path("decisions/<int:pk>/carry_out/", decisions.CarryOut.as_view(), name="decision-carry-out"),
    path("attachments/", attachments.Attachments.as_view(), name="attachments"),
    path("attachments/<int:pk>/", attachments.OneAttachment.as_view(), name="attachment"),
    re_path(r"^.*/$", NoSuchPage.as_view()),
]
