"""Everybody who talks to the desk on 11.11: programs that push, people at their pages, a marketplace that pays.

Each does one thing over and over until time is up, and keeps count of what the desk said to it.
"""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from handoffs.gateway import Gateway
from tests.carriers.samples import posted

AGENTS = 4
ZONE = timedelta(hours=8)
PASSWORD = "only-for-the-soak-2026"  # noqa: S105  of people who live for a minute
HEAD = "退款编号,订单编号,买家退款金额,退款状态,退款的申请时间,货物状态,是否需要退货\n"
ROW = "{0}\t,{0}\t,50.00,买家已经申请退款，等待卖家同意,{1},未发货,不需要退货\n"
OF_A_FILE, AGAIN = 30, 10  # new rows of a file; rows of the one before that stand in it once more
CUT_EVERY = 8  # so many payments' calls, then one whose answer is lost on the way
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Crowd:
    """`said` counts answers by hundred; the rest is what the desk took on, to be held against its books."""

    def __init__(self, address: str, tokens: dict[str, str], market: Gateway, until: float) -> None:
        self.address, self.tokens, self.market, self.until = address, tokens, market, until
        self.lock = threading.Lock()
        self.said: Counter[str] = Counter()
        self.arrived: set[str] = set()
        self.answered: Counter[int] = Counter()
        self.stopped: set[int] = set()
        self.pushed: set[str] = set()
        self.in_files: set[str] = set()
        self.bad_rows = 0
        self.pages = 0

    # Calls ------------------------------------------------------------------------------------------------------------

    def api(self, method: str, path: str, who: str, **body: Any) -> requests.Response | None:
        headers = {"Authorization": f"Token {self.tokens[who]}"}
        return self._call(requests.request, method, path, headers=headers, **body)

    def _call(self, call: Callable[..., requests.Response], method: str, path: str, **more: Any) -> Any:
        try:
            answer = call(method, self.address + path, timeout=30, **more)
        except requests.RequestException:
            self.note("no answer")
            return None
        self.note(f"{answer.status_code // 100}xx")
        return answer

    def note(self, what: str) -> None:
        with self.lock:
            self.said[what] += 1

    @property
    def is_on(self) -> bool:
        return time.monotonic() < self.until

    # Programs ---------------------------------------------------------------------------------------------------------

    def push_applications(self, seed: int) -> None:
        """Batches of ten, applied for up to half an hour ago, so that reminders and deadlines come due; some again."""
        dice, number = random.Random(seed), seed * 1_000_000  # noqa: S311
        while self.is_on:
            batch = [application(number + n, dice) for n in range(10)]
            for _time in range(dice.choice((1, 1, 2))):
                self.push(batch, f"agent{seed}")
            number += 10
            time.sleep(0.4)

    def push(self, batch: list[dict[str, Any]], who: str) -> None:
        answer = self.api("POST", "/api/v1/refund-applications/", who, json=batch)
        if answer is not None and answer.ok:
            taken = {row["refund_id"] for row in answer.json()["results"] if row["result"] != "rejected"}
            with self.lock:
                self.arrived |= taken

    def apply_at_the_marketplace(self) -> None:
        """Buyers of the connected shop: the desk reads of them by itself; every other one is pushed to it as well."""
        dice = random.Random(0)  # noqa: S311
        while self.is_on:
            fields = {"refund_fee": f"{dice.randint(20, 90)}.50", "created": said(dice.choice((60, 900)))}
            made = self.market.add_refund(reason="协商一致退款", **fields)
            if int(made["tid"]) % 2:
                self.push([{**made, "shop": "market"}], "agent0")
            time.sleep(0.3)

    def push_parcels(self) -> None:
        """Parcels under way, told by the carriers' service; every third push comes twice."""
        number = 0
        while self.is_on:
            number += 1
            waybill = f"71{number:08d}"
            for _time in range(2 if number % 3 == 0 else 1):
                answer = self.api("POST", "/hooks/kuaidi100/soak/", "agent0", data=posted(track(waybill)))
                if answer is not None and answer.ok and answer.json().get("returnCode") == "200":
                    self.pushed.add(waybill)
                elif answer is not None:
                    self.note("turned down")
            time.sleep(0.3)

    # People by API ----------------------------------------------------------------------------------------------------

    def answer_buyers(self, agent: int) -> None:
        """Look at the queue, open a case, answer the buyer."""
        dice, who = random.Random(agent), f"agent{agent}"  # noqa: S311
        while self.is_on:
            for row in dice.sample(rows := self.results("/api/v1/cases/", who), min(3, len(rows))):
                self.api("GET", f"/api/v1/cases/{row['id']}/", who)
                words = {"message": "你好，正在为你处理"}
                told = self.api("POST", f"/api/v1/cases/{row['id']}/respond/", who, json=words)
                if told is not None and told.ok:
                    with self.lock:
                        self.answered[row["id"]] += 1
            time.sleep(0.2)

    def stop_parcels(self, number: int) -> None:
        """The warehouse, two people with the same list: what they are asked to stop is stopped by whoever is first."""
        who = f"warehouse{number}"
        while self.is_on:
            rows = self.results("/api/v1/handoffs/?live=1&kind=stop_parcel&shop=market&limit=20", who)
            for row in rows:
                told = self.api("POST", f"/api/v1/handoffs/{row['id']}/answer/", who, json={"answer": "stopped"})
                if told is not None and told.ok:
                    with self.lock:
                        if row["id"] in self.stopped:
                            self.said["answered twice"] += 1
                        self.stopped.add(row["id"])
            time.sleep(0.5)

    def results(self, path: str, who: str) -> list[dict[str, Any]]:
        found = self.api("GET", path, who)
        return found.json().get("results", []) if found is not None and found.ok else []

    # People at their pages --------------------------------------------------------------------------------------------

    def watch(self, number: int) -> None:
        """The queue kept open in a browser, a case opened now and then."""
        browser, stamp = Browser(self, f"agent{number}@example.test"), ""
        while self.is_on:
            looked = browser.get("/", headers={"X-Live": "1", "If-None-Match": stamp})
            if looked is not None:
                stamp = looked.headers.get("ETag", stamp)
            rows = self.results("/api/v1/cases/", f"agent{number}")
            if rows and browser.get(f"/handoffs/case/{rows[0]['id']}/change/") is not None:
                self.pages += 1
            time.sleep(0.8)

    def refund(self) -> None:
        """Whoever pays: plans all that can be paid, types the sum, and looks how it goes."""
        browser, calls = Browser(self, "cashier@example.test"), 0
        while self.is_on:
            plan = browser.post("/batches/", {})
            if plan is not None and (total := re.search(r"data-rd-sum>([\d.]+)<", plan.text)):
                rows = re.findall(r'name="row" value="(\d+)"', plan.text)
                calls += 1
                if calls % CUT_EVERY == 0:
                    self.market.faults.append(("taobao.rp.refunds.agree", "cut_after"))
                address = plan.url.removeprefix(self.address)
                words = {"verb": "confirm", "row": rows, "typed": total[1], "reason": "批量退款"}
                browser.post(address, words)
                browser.get(address)
            time.sleep(1)

    def bring_files(self) -> None:
        """An export every few seconds: new rows, some of the last one's, and a row that cannot be read."""
        browser, number = Browser(self, "importer@example.test"), 9_000_000
        shop = self.tokens["shop of files"]
        while self.is_on:
            rows = [str(number + n) for n in range(-AGAIN if number > 9_000_000 else 0, OF_A_FILE)]
            text = HEAD + "".join(ROW.format(row, said(600)) for row in rows) + ROW.format("", said(600))
            file = {"file": (f"export-{number}.csv", text.encode())}
            preview = browser.post("/import/", {"shop": shop, "format": "auto", "as_of": ""}, files=file)
            address = preview.url.removeprefix(self.address) if preview is not None else ""
            if re.fullmatch(r"/import/\d+/", address) and browser.post(address, {}) is not None:
                self.in_files |= set(rows)
                self.bad_rows += 1
                number += OF_A_FILE
            time.sleep(3)


class Browser:
    """A person who logged in."""

    def __init__(self, crowd: Crowd, email: str) -> None:
        self.crowd, self.session = crowd, requests.Session()
        form = self.get("/login/")
        assert form is not None
        self.token = TOKEN.search(form.text)[1]  # type: ignore[index]
        inside = self.post("/login/", {"username": email, "password": PASSWORD})
        if inside is None or "login-form" in inside.text:
            raise SystemExit(f"{email} could not log in")
        self.session.headers["Referer"] = crowd.address

    def get(self, path: str, **more: Any) -> requests.Response | None:
        answer: requests.Response | None = self.crowd._call(self.session.request, "GET", path, **more)
        return answer

    def post(self, path: str, data: dict[str, Any], **more: Any) -> requests.Response | None:
        """A form sent, and the page it leads to."""
        words = {"csrfmiddlewaretoken": self.session.cookies.get("csrftoken", self.token), **data}
        answer: requests.Response | None = self.crowd._call(self.session.request, "POST", path, data=words, **more)
        return answer


def said(seconds_ago: float = 0) -> str:
    return f"{datetime.now(tz=UTC) + ZONE - timedelta(seconds=seconds_ago):%Y-%m-%d %H:%M:%S}"


def application(number: int, dice: random.Random) -> dict[str, Any]:
    at = said(dice.choice((60, 600, 880, 1420, 1780)))
    return {
        "shop": "soak", "refund_id": str(number), "tid": str(number), "oid": str(number), "status": "WAIT_SELLER_AGREE",
        "order_status": dice.choice(("WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_CONFIRM_GOODS")),
        "good_status": "BUYER_NOT_RECEIVED", "has_good_return": False, "refund_fee": "52.77", "total_fee": "52.77",
        "reason": "协商一致退款", "title": "水杯", "buyer_nick": "buyer", "created": at, "modified": at,
    }  # fmt: skip


def track(waybill: str) -> dict[str, Any]:
    line = {"time": said(), "ftime": said(), "context": "快件已揽收", "status": "揽收"}
    return {"status": "polling", "lastResult": {"nu": waybill, "com": "zhongtong", "state": "1", "data": [line]}}


def together(*acts: Callable[[], None]) -> list[BaseException]:
    """All at once, to the end. What any of them died of."""
    died: list[BaseException] = []

    def guarded(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            died.append(error)

    threads = [threading.Thread(target=guarded, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return died
