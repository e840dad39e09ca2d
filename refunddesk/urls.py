"""Addresses: the console at /, the API under /api/, and three for whoever watches the desk."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from handoffs.admin.site import desk
from handoffs.api import hooks, warehouse_hooks
from refunddesk.health import healthz, readyz
from refunddesk.metrics import metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("handoffs.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("hooks/kuaidi100/<slug:code>/", hooks.kuaidi100_push, name="kuaidi100-push"),
    path(
        "hooks/kuaidi100/<slug:code>/intercepted/<slug:key>/",
        hooks.kuaidi100_intercepted,
        name="kuaidi100-intercepted",
    ),
    path("hooks/kdniao/<slug:code>/", hooks.kdniao_push, name="kdniao-push"),
    path("hooks/qimen/<slug:code>/", warehouse_hooks.qimen_report, name="qimen-report"),
    path("", desk.urls),
]
