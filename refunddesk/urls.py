"""Addresses: the console at /, the API under /api/, and two for whoever watches the desk."""

from importlib.util import find_spec

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from refunddesk.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
]
if find_spec("handoffs.api") and find_spec("handoffs.api.urls"):
    urlpatterns += [path("api/v1/", include("handoffs.api.urls"))]
if find_spec("handoffs.admin") and find_spec("handoffs.admin.site"):
    from handoffs.admin.site import desk

    urlpatterns += [path("", desk.urls)]
else:
    from django.contrib import admin

    urlpatterns += [path("", admin.site.urls)]
