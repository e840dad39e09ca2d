"""What carriers' services and warehouse systems may send with a true signature: taken or refused, never a 500."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
import time_machine
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from handoffs.models import CarrierAccount, ParcelEvent, WarehouseSystem
from handoffs.warehouses import qimen
from tests import factories, snapshot
from tests.carriers import samples
from tests.factories import NOON, World
from tests.hostile.conftest import fuzz

FORM = "application/x-www-form-urlencoded"
KEY, SECRET = "key-of-a-test", "secret-of-a-test"
NASTY: list[Any] = [None, True, 0, -1, 10**30, "", "\x00", "9" * 3000, "2026-13-45 99:99:99", "9999-12-31 23:59:59",
                    "0001-01-01 00:00:00", "已签收", "=1+1", "\u202e", [], {}, [[]], {"a": {}}]  # fmt: skip
VALUES = st.recursive(
    st.sampled_from(NASTY) | st.text(max_size=20) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def world(db: None) -> World:
    made = factories.world()
    factories.case(made.shop, path=2, outbound=[("中通快递", "ZTO0001")])
    return made


@pytest.fixture
def services(world: World) -> None:
    kuaidi100 = CarrierAccount(code="kd", shop=world.shop, customer="kd")
    kuaidi100.keep(salt=samples.SALT)
    kuaidi100.save()
    kdniao = CarrierAccount(code="kdn", service="kdniao", customer="1237100")
    kdniao.keep(key=KEY)
    kdniao.save()
    system = WarehouseSystem(code="wms", shop=world.shop, app_key="123", customer="C1", address="http://127.0.0.1:9")
    system.keep(secret=SECRET)
    system.save()


def spoiled(draw: Any, whole: Any) -> Any:
    """The sample with one to four of its values, wherever they stand, put in another's place or left out."""
    copy = json.loads(json.dumps(whole))
    for _time in range(draw(st.integers(1, 4))):
        node = copy
        while isinstance(node, dict | list) and node:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = draw(st.sampled_from(keys))
            if not isinstance(node[key], dict | list) or not node[key] or draw(st.integers(0, 3)) == 0:
                if draw(st.booleans()):
                    node[key] = draw(VALUES)
                else:
                    del node[key]
                break
            node = node[key]
    return copy


@st.composite
def kuaidi100(draw: Any) -> bytes:
    name = draw(st.sampled_from([samples.SF, samples.YUNDA]))
    return json.dumps(spoiled(draw, samples.sample(name))).encode()


@fuzz
@given(param=kuaidi100())
def test_kuaidi100_may_say_anything(services: None, param: bytes) -> None:
    answer = Client().post("/hooks/kuaidi100/kd/", samples.posted(param), content_type=FORM)
    assert answer.status_code in (200, 400)
    assert answer.json()["message"]


def kdniao_form(told: Any, *, key: str = KEY) -> bytes:
    content = told if isinstance(told, bytes) else json.dumps(told).encode()
    digest = hashlib.md5(content + key.encode(), usedforsecurity=False).hexdigest().encode()
    return f"RequestData={quote_plus(content)}&DataSign={quote_plus(base64.b64encode(digest))}".encode()


@st.composite
def kdniao(draw: Any) -> Any:
    traces = [
        {"AcceptTime": f"2026-11-11 {at}:00", "AcceptStation": "到达", "Action": "2"} for at in ("09:00", "10:00")
    ]
    parcel = {"LogisticCode": "ZTO0001", "ShipperCode": "ZTO", "State": "2", "StateEx": "2", "Success": True}
    return spoiled(draw, {"EBusinessID": "1237100", "Count": "1", "Data": [{**parcel, "Traces": traces}]})


@fuzz
@given(told=kdniao())
def test_kdniao_may_say_anything(services: None, told: Any) -> None:
    answer = Client().post("/hooks/kdniao/kdn/", kdniao_form(told), content_type=FORM)
    assert answer.status_code in (200, 400, 403)  # 403: it is for another customer
    assert isinstance(answer.json()["Success"], bool)


METHODS = ["orderprocess.report", "returnorder.confirm", "returnpackage.report", "x" * 300]
TAGS = st.sampled_from(["order", "orderCode", "process", "processStatus", "operateTime", "expressCode", "status",
                        "returnOrder", "returnOrderCode", "orderLines", "orderLine", "actualQty", "planQty",
                        "inventoryType", "batchs", "batch", "outBizCode", "x"])  # fmt: skip
WORDS = st.sampled_from(["", "ZTO0001", "DELIVERED", "SIGN", "CANCELED", "-1", "1e9", "9" * 5000, "&lt;x&gt;", "签收"])
XML = st.recursive(
    st.builds("<{0}>{1}</{0}>".format, TAGS, WORDS),
    lambda inner: st.builds(lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>", TAGS, st.lists(inner, max_size=4)),
    max_leaves=12,
)
BAD_XML = [
    b"", b"<", b"\x00", b"<request>", b"\xff\xfe<request/>", b"<request>" * 5000,
    b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><request>&b;</request>',
    b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><request><order><orderCode>&f;</orderCode></order></request>',
]  # fmt: skip


def reported(method: str, body: bytes) -> Any:
    params = {"method": f"taobao.qimen.{method}", "timestamp": "2026-11-11 12:00:00", "app_key": "123", "format": "xml",
              "v": "2.0", "sign_method": "md5", "customerId": "C1"}  # fmt: skip
    signed = params | {"sign": qimen.sign(params, body, SECRET)}
    with time_machine.travel(NOON, tick=False):
        return Client().post(f"/hooks/qimen/wms/?{urlencode(signed)}", body, content_type="text/xml")


@fuzz
@given(method=st.sampled_from(METHODS), parts=st.lists(XML, max_size=4))
def test_a_warehouse_may_say_anything(services: None, method: str, parts: list[str]) -> None:
    answer = reported(method, f"<request>{''.join(parts)}</request>".encode())
    assert answer.status_code in (200, 400)
    assert b"<flag>" in answer.content


@pytest.mark.parametrize("body", BAD_XML, ids=range(len(BAD_XML)))
def test_xml_that_is_none_or_bites_is_refused(services: None, body: bytes) -> None:
    answer = reported("orderprocess.report", body)
    assert answer.status_code == 400
    assert b"root:" not in answer.content


@fuzz
@given(body=st.binary(max_size=300), path=st.sampled_from(["kuaidi100/kd", "kdniao/kdn", "qimen/wms"]))
def test_without_a_signature_nothing_is_read(services: None, body: bytes, path: str) -> None:
    before = snapshot.of_the_desk()
    answer = Client().post(f"/hooks/{path}/", body, content_type=FORM)
    assert answer.status_code in (400, 403)
    assert snapshot.of_the_desk() == before
    assert not ParcelEvent.objects.exists()
