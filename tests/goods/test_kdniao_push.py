"""Kdniao's pushes: its own numbers, several parcels at once, signed over the bytes, told as often as it likes."""

import base64
import hashlib
import json
import random
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from django.test import Client
from django.urls import reverse

from handoffs.carriers import kdniao
from handoffs.models import CarrierAccount, Case, Parcel, ParcelEvent
from tests import factories, snapshot
from tests.carriers.samples import STO, sample
from tests.factories import World

KEY = "key-of-a-test"


@pytest.fixture
def kdn(world: World) -> CarrierAccount:
    made = CarrierAccount(code="kdn", service="kdniao", customer="1237100")
    made.keep(key=KEY)
    made.save()
    return made


def traces(*rows: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"AcceptTime": f"2026-11-11 {at}:00", "AcceptStation": words, "Action": code} for at, words, code in rows]


def parcel(waybill: str = "ZTO0001", state: str = "2", finer: str = "", **more: Any) -> dict[str, Any]:
    rows = traces(("09:00", "已揽收", "1"), ("10:00", "到达上海转运中心", "2"))
    return {"LogisticCode": waybill, "ShipperCode": "ZTO", "State": state, "StateEx": finer or state, "Success": True,
            "Traces": rows, **more}  # fmt: skip


def push(*parcels: dict[str, Any], key: str = KEY, code: str = "kdn", body: bytes | None = None) -> tuple[int, Any]:
    payload = {"EBusinessID": "1237100", "PushTime": "2026-11-11 12:00:00", "Count": str(len(parcels)), "Data": parcels}
    content = json.dumps(payload, ensure_ascii=False).encode()
    form = f"RequestData={quote_plus(content)}&RequestType=102&DataSign={quote_plus(kdniao.sign(content, key))}"
    answer = Client().post(reverse("kdniao-push", args=[code]), body or form.encode(),
                           content_type="application/x-www-form-urlencoded;charset=utf-8")  # fmt: skip
    return answer.status_code, answer.json()


def test_several_parcels_come_in_one_push(world: World, kdn: CarrierAccount) -> None:
    first, second = (
        factories.case(world.shop, path=2),
        factories.case(world.shop, path=2, outbound=[("中通快递", "ZTO0002")]),
    )
    signed = parcel(
        "ZTO0002", "3", "301", Traces=traces(("09:00", "已揽收", "1"), ("11:00", "已签收，本人签收", "301"))
    )
    status, said = push(parcel(), signed)
    assert (status, said["Success"], said["EBusinessID"], said["UpdateTime"]) == (
        200, True, "1237100", "2026-11-11 12:00:00",
    )  # fmt: skip
    first.refresh_from_db()
    second.refresh_from_db()
    assert ((first.path, first.goods), (second.path, second.goods)) == ((2, "in_transit"), (3, "with_buyer"))
    kdn.refresh_from_db()
    assert kdn.last_push_at is not None


@pytest.mark.parametrize(("state", "finer", "meant"), [("2", "2", "in_transit"), ("4", "405", "problem"),
                                                       ("4", "404", "refused"), ("2", "211", "at_outlet")])  # fmt: skip
def test_its_numbers_are_its_own(world: World, kdn: CarrierAccount, state: str, finer: str, meant: str) -> None:
    factories.case(world.shop, path=2)
    push(parcel(state=state, finer=finer))
    assert Parcel.objects.get().state == meant


def test_the_same_push_thrice_and_shuffled_changes_nothing_more(world: World, kdn: CarrierAccount) -> None:
    factories.case(world.shop, path=2)
    push(parcel())
    CarrierAccount.objects.update(last_push_at=None)
    before = snapshot.of_the_desk()
    for seed in range(3):
        again = parcel()
        again["Traces"] *= 2
        random.Random(seed).shuffle(again["Traces"])
        assert push(again)[1]["Success"]
    CarrierAccount.objects.update(last_push_at=None)
    assert snapshot.of_the_desk() == before


def test_a_wrong_signature_changes_nothing(world: World, kdn: CarrierAccount) -> None:
    case, before = factories.case(world.shop, path=2), None
    before = snapshot.of_the_desk()
    status, said = push(parcel(state="3"), key="another key")
    assert (status, said["Success"]) == (403, False)
    assert snapshot.of_the_desk() == before
    assert case.path == 2


def test_one_parcel_that_nobody_knows_does_not_stop_the_others(world: World, kdn: CarrierAccount) -> None:
    factories.case(world.shop, path=2)
    status, said = push(parcel("ZTO9999"), {"LogisticCode": "", "State": "2"}, parcel())
    assert (status, said["Success"], "ZTO9999" in said["Reason"]) == (200, False, True)
    assert ParcelEvent.objects.count() == 2


def test_an_account_of_one_shop_makes_the_parcels_it_tells_of(world: World, kdn: CarrierAccount) -> None:
    CarrierAccount.objects.update(shop=world.shop)
    assert push(parcel("ZTO9999"))[1]["Success"]
    assert Parcel.objects.get(waybill="ZTO9999").shop == world.shop


def test_no_trace_says_nothing_of_the_goods(world: World, kdn: CarrierAccount) -> None:
    case = factories.case(world.shop, path=2)
    entries = case.timeline.count()
    assert push(parcel(state="0", finer="0", Traces=[]))[1]["Success"]
    assert (Case.objects.get().path, case.timeline.count(), ParcelEvent.objects.count()) == (2, entries, 0)


@pytest.mark.parametrize(
    "body",
    [b"", b"RequestData=1", b"DataSign=x", b"RequestData=1&RequestData=2", b"\xff\xfe", b"RequestData=" + b"[" * 9],
)
def test_what_is_no_push_is_declined(world: World, kdn: CarrierAccount, body: bytes) -> None:
    status, said = push(body=body or b"x")
    assert (status in (400, 403), said["Success"]) == (True, False)


@pytest.mark.parametrize("content", [b"[]", b"1", b"{}", b'{"Data":1}', b"[" * 5000, b"\xff"])
def test_a_signed_body_that_is_no_list_of_parcels_is_declined(
    world: World, kdn: CarrierAccount, content: bytes
) -> None:
    form = f"RequestData={quote_plus(content)}&DataSign={quote_plus(kdniao.sign(content, KEY))}"
    assert push(body=form.encode())[0] == 400


def test_an_account_that_is_off_or_not_there_takes_nothing(world: World, kdn: CarrierAccount) -> None:
    assert push(parcel(), code="nobody")[0] == 404
    CarrierAccount.objects.update(active=False)
    assert push(parcel())[0] == 404


def test_signed_stored_at_the_station_and_signed_again(world: World, kdn: CarrierAccount) -> None:
    case = factories.case(world.shop, path=2, outbound=[("申通快递", "773014136444784")])
    told = sample(STO)
    told["Traces"] = told["Traces"][:-1]
    assert push({**told, "State": "2", "StateEx": "211"})[1]["Success"]
    case.refresh_from_db()
    assert (Parcel.objects.get().state, case.path) == ("at_outlet", 2)
    assert push(sample(STO))[1]["Success"]
    case.refresh_from_db()
    assert (Parcel.objects.get().state, case.path, ParcelEvent.objects.count()) == ("signed", 3, 10)
    assert push({**told, "State": "2", "StateEx": "211"})[1]["Success"]  # the older one again, late
    case.refresh_from_db()
    assert (Parcel.objects.get().state, case.path, ParcelEvent.objects.count()) == ("signed", 3, 10)


# What is signed is what was meant, before any address encoding: pluses, ampersands, percent signs and all.
ODD = "签收人+门卫 & 100% =“好” %2B 1+1"


def signature(content: bytes) -> str:
    """As the service's own documents put it, in other words than the desk's."""
    return base64.b64encode(hashlib.md5(content + KEY.encode()).hexdigest().encode("ascii")).decode()  # noqa: S324


@pytest.mark.parametrize("encode", [quote_plus, lambda text: quote(text, safe=""), lambda text: quote(text, safe="=")])
@pytest.mark.parametrize("spaced", [(",", ":"), (", ", ": ")])
def test_the_signature_is_over_the_text_before_it_was_encoded(
    world: World, kdn: CarrierAccount, encode: Any, spaced: Any
) -> None:
    factories.case(world.shop, path=2)
    data = [parcel(Traces=traces(("09:00", ODD, "1")))]
    content = json.dumps({"PushTime": "2026-11-11 12:00:00", "Data": data}, ensure_ascii=False, separators=spaced)
    fields = {"RequestData": content, "RequestType": "101", "EBusinessID": "1237100",
              "DataSign": signature(content.encode())}  # fmt: skip
    body = "&".join(f"{name}={encode(value)}" for name, value in fields.items())
    assert push(body=body.encode())[0] == 200
    assert ParcelEvent.objects.get().text == ODD


@pytest.mark.parametrize("sign", [
    lambda content: hashlib.md5(content + KEY.encode()).hexdigest(),  # noqa: S324
    lambda content: base64.b64encode(hashlib.md5(content + KEY.encode()).digest()).decode(),  # noqa: S324
    lambda content: base64.b64encode(hashlib.md5(content + KEY.encode()).hexdigest().upper().encode()).decode(),  # noqa: S324
    lambda content: base64.b64encode(hashlib.md5(KEY.encode() + content).hexdigest().encode()).decode(),  # noqa: S324
    lambda content: "",
])  # fmt: skip
def test_nearly_the_signature_is_none(world: World, kdn: CarrierAccount, sign: Any) -> None:
    content = json.dumps({"Data": [parcel()]}).encode()
    body = f"RequestData={quote_plus(content)}&DataSign={quote_plus(sign(content))}"
    assert push(body=body.encode())[0] == 403
    assert not ParcelEvent.objects.exists()


def test_the_address_is_for_pushes_only_and_of_this_service_only(world: World, kdn: CarrierAccount) -> None:
    assert Client().get(reverse("kdniao-push", args=["kdn"])).status_code == 405
    CarrierAccount.objects.update(service="kuaidi100")
    assert push(parcel())[0] == 404


def test_an_account_without_a_key_takes_nothing(world: World, kdn: CarrierAccount) -> None:
    CarrierAccount.objects.update(sealed_key="")
    assert push(parcel(), key="")[0] == 403
