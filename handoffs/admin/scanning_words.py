"""What the scan page says from its script, in the reader's language. `%s` stands for what is filled in."""

from django.utils.translation import gettext as _


def words() -> dict[str, str]:
    """The sentences by the names the script knows them by."""
    return {
        "good": _("good"),
        "missing": _("pieces missing"),
        "damaged": _("damaged"),
        "wrong_item": _("wrong item"),
        "empty_box": _("empty box"),
        "planned": _("expected: %s"),
        "plannedUnknown": _("number not known"),
        "received": _("Received already."),
        "allReceived": _("Everything in this parcel has been received already."),
        "atDoor": _("This parcel was on its way to the buyer and has come back."),
        "orphan": _("No application expects this parcel."),
        "likely": _("It may belong to one of these:"),
        "less": _("one less"),
        "more": _("one more"),
        "weighed": _("Expected: %s kg."),
        "weightOff": _("The weight differs from the expected %s kg. Look inside and take a photo."),
        "needPhoto": _("Take at least one photo: something is not as expected."),
        "needWeight": _("Give the weight in kilograms."),
        "badWaybill": _("This is no waybill number."),
        "gone": _("No connection. You may note weight, photos and a remark now; count the pieces once it is back."),
        "login": _("You are no longer logged in. Log in again; nothing is lost."),
        "kept": _("Kept on this device; it is sent as soon as there is a connection."),
        "waiting": _("%s waiting to be sent"),
        "sending": _("being sent"),
        "toCount": _("to be counted"),
        "queued": _("waits for the connection"),
        "others": _("%s of another person wait on this device"),
        "mend": _("Mend"),
        "count": _("Count now"),
        "discard": _("Discard"),
        "sure": _("Discard this receipt and its photos? They were never sent."),
        "photos": _("photos: %s"),
        "remove": _("Remove photo %s"),
        "addPhotos": _("Add photos"),
        "added": _("Photos added."),
        "cameraNone": _("The camera opens only over HTTPS or on this computer itself, and when you allow it."),
        "cameraOn": _("Hold the barcode into the picture."),
        "noPhoto": _("This file is no photo that the browser can read."),
        "full": _("This device has no room left. Send what waits, or free some space."),
    }
