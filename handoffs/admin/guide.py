"""The guides: one screen a role, with pictures of the real screens in the reader's language."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin.guide_words import GUIDES, Picture, Point
from handoffs.admin.page import draw, page, person

FOLDER = "handoffs/guide"
LANGUAGES = ("zh-hans", "en")


def own(user: User) -> str:
    """The role whose guide a person reads first; whoever only sets the desk up reads the manager's."""
    return next((role for role in GUIDES if role in user.roles), str(Role.MANAGER))


def file_of(picture: Picture, language: str) -> str:
    """Where the picture lies among the static files."""
    return f"{FOLDER}/{picture.name}.{language if language in LANGUAGES else 'en'}.png"


@page("GET")
def mine(request: HttpRequest) -> HttpResponse:
    """To the guide of the person's own role."""
    return redirect("admin:handoffs_guide", own(person(request)))


@page("GET")
def show(request: HttpRequest, role: str) -> HttpResponse:
    """One role's guide; everybody may read all of them."""
    guide = GUIDES.get(role)
    if guide is None:
        raise Http404
    user, language = person(request), get_language() or ""
    context = {
        "guide": guide,
        "points": [(point, point.place if _opens(user, point) else "") for point in guide.points],
        "pictures": [(each, static(file_of(each, language))) for each in guide.pictures],
        "tall": any(each.tall for each in guide.pictures),
        "roles": [(key, each.role.label, key in user.roles) for key, each in GUIDES.items()],
    }
    return draw(request, "handoffs/guide.html", title=_("Guide: %(role)s") % {"role": guide.role.label}, **context)


def _opens(user: User, point: Point) -> bool:
    """Whether the page the point is about opens for this reader."""
    return bool(point.place) and (not point.verb or permissions.may(user, point.verb))


PAGES = (
    ("guide/", mine, "handoffs_own_guide"),
    ("guide/<slug:role>/", show, "handoffs_guide"),
)
