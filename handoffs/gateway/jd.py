"""JD's side of the gateway: one door for all methods, to be routed at `/routerjson`.

office = JdBackOffice(now=gateway.now, lock=gateway.lock)
gateway.routes[PATH] = lambda request: office.handle(request.form)
gateway.broken_down[PATH] = BROKEN_DOWN
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

PATH = "/routerjson"
BEIJING = timezone(timedelta(hours=8))
TIMES = "%Y-%m-%d %H:%M:%S"
SLACK = timedelta(minutes=6)
MOST_A_PAGE, MOST_PAGES = 50, 100
AFS = "jingdong.pop.afs.soa.refundapply."
ASC = "jingdong.asc.serviceAndRefund.view"
PAYING = ("1", "6", "9")
BROKEN_DOWN = {
    "error_response": {
        "code": "67",
        "zh_desc": "平台连接后端服务处理过程中出现未知异常信息",
        "en_desc": "unknown exception",
    }
}
WORDS = {
    "2": "限制时间内调用失败次数", "4": "缺少版本参数", "8": "非法的时间戳参数", "11": "缺少签名参数", "12": "无效签名",
    "14": "缺少方法名参数", "15": "不存在的方法名", "18": "缺少access_token参数", "19": "无效access_token",
    "20": "缺少app_key参数", "21": "无效app_key", "61": "参数值不合法", "63": "json格式不合法",
}  # fmt: skip


class Problem(Exception):
    """JD says no at its gate."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(code)
        self.code, self.words = code, words or WORDS[code]

    def answer(self) -> dict[str, Any]:
        return {"error_response": {"code": self.code, "zh_desc": self.words, "en_desc": self.words}}


@dataclass(frozen=True)
class Vender:
    """The shop's key."""

    app_key: str = "jd-app"
    app_secret: str = "jd-secret"  # noqa: S105  a key to a toy
    access_token: str = "jd-token"  # noqa: S105


def _system_now() -> datetime:
    return datetime.now(BEIJING)


@dataclass
class JdBackOffice:
    """Cancelled orders and services in memory. `paid` is the ledger: by application, the fen of each agreement.

    `finance_at_once`: JD's finance passes an agreement as it comes, else `finance` is called. `trusting`: it pays what
    was reviewed already, so that the ledger shows who asked twice. `limited`: so many calls are turned away.
    """

    now: Callable[[], datetime] = _system_now
    lock: threading.RLock = field(default_factory=threading.RLock)
    vender: Vender = field(default_factory=Vender)
    cancels: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: list[dict[str, Any]] = field(default_factory=list)
    paid: dict[str, list[int]] = field(default_factory=dict)
    finance_at_once: bool = True
    trusting: bool = False
    limited: int = 0
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    # What tests touch ------------------------------------------------------------------------------------------------

    def add_cancel(self, **fields: Any) -> dict[str, Any]:
        """An application to cancel an order, not yet reviewed unless `fields` say otherwise."""
        with self.lock:
            number = 1000100000 + len(self.cancels)
            row: dict[str, Any] = {
                "id": number, "orderId": str(40200000000 + number), "buyerId": "jd_demo", "buyerName": "买**",
                "applyTime": self._said(), "applyRefundSum": 2990, "status": 0, "reason": "不想要了",
                "modified": self._said(), **fields,
            }  # fmt: skip
            self.cancels[str(row["id"])] = row
            return row

    def add_service(self, **fields: Any) -> dict[str, Any]:
        """An after-sale service: `refund=` what stands beside the bill, the rest on it. In process unless told."""
        with self.lock:
            bill = {
                "serviceId": 2000100000 + len(self.services), "orderId": 50200000000 + len(self.services),
                "serviceState": 10000, "wareId": 1000001, "wareName": "茶杯", "serviceCount": 1,
                "afsApplyTime": self._said(), "customerExpect": 10,
            }  # fmt: skip
            row = {**fields.pop("refund", {}), "sameOrderServiceBill": bill | fields}
            self.services.append(row)
            return row

    def change(self, cancel_id: int | str, **fields: Any) -> None:
        with self.lock:
            self.cancels[str(cancel_id)].update(fields | {"modified": self._said()})

    def finance(self, cancel_id: int | str, *, passes: bool = True) -> None:
        """JD's finance pays, or does not."""
        self.change(cancel_id, status=3 if passes else 4)

    def _said(self) -> str:
        return self.now().astimezone(BEIJING).strftime(TIMES)

    # The door --------------------------------------------------------------------------------------------------------

    def handle(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """One call, alone: whatever it does, it does as a whole."""
        with self.lock:
            try:
                params = self._passed(form)
                method = form["method"]
                self.calls.append((method, params))
                content = self._methods()[method](params)
            except Problem as problem:
                return 200, problem.answer()
        return 200, {f"{method.replace('.', '_')}_responce": {"code": "0", **content}}

    def _methods(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        return {
            f"{AFS}queryPageList": self._list_cancels,
            f"{AFS}queryById": self._one_cancel,
            f"{AFS}replyRefund": self._reply,
            ASC: self._list_services,
        }

    def _passed(self, form: Mapping[str, str]) -> dict[str, Any]:
        for name, code in (("method", "14"), ("app_key", "20"), ("access_token", "18"), ("v", "4"), ("sign", "11")):
            if not form.get(name):
                raise Problem(code)
        if form["app_key"] != self.vender.app_key:
            raise Problem("21")
        if form["sign"] != self._signature(form):
            raise Problem("12")
        self._check_time(form.get("timestamp", ""))
        if form["access_token"] != self.vender.access_token:
            raise Problem("19")
        if self.limited > 0:
            self.limited -= 1
            raise Problem("2")
        if form["method"] not in self._methods():
            raise Problem("15")
        try:
            params: dict[str, Any] = json.loads(form["360buy_param_json"])
        except (KeyError, ValueError):
            raise Problem("63") from None
        return params

    def _signature(self, form: Mapping[str, str]) -> str:
        middle = "".join(f"{name}{form[name]}" for name in sorted(set(form) - {"sign"}))
        whole = self.vender.app_secret + middle + self.vender.app_secret
        return hashlib.md5(whole.encode(), usedforsecurity=False).hexdigest().upper()

    def _check_time(self, value: str) -> None:
        try:
            told = datetime.strptime(value, TIMES).replace(tzinfo=BEIJING)
        except ValueError:
            raise Problem("8") from None
        if abs(told - self.now()) > SLACK:
            raise Problem("8")

    # Reading ---------------------------------------------------------------------------------------------------------

    def _list_cancels(self, params: dict[str, Any]) -> dict[str, Any]:
        rows = list(self.cancels.values())
        for kind in ("apply", "check"):
            begin, end = _moment(params.get(f"{kind}TimeStart")), _moment(params.get(f"{kind}TimeEnd"))
            rows = [row for row in rows if _within(row.get(f"{kind}Time"), begin, end)]
        rows = [row for row in rows if "status" not in params or row["status"] == params["status"]]
        result = {"result": _cut(rows, params, "pageIndex"), "totalCount": len(rows), "success": True}
        return {"queryResult": result}

    def _one_cancel(self, params: dict[str, Any]) -> dict[str, Any]:
        row = self.cancels.get(str(params.get("id")))
        result = [{"refundApplyVo": row}] if row else []
        return {"queryResult": {"result": result, "totalCount": len(result), "success": True}}

    def _list_services(self, params: dict[str, Any]) -> dict[str, Any]:
        rows = list(self.services)
        if order := params.get("orderId"):
            rows = [row for row in rows if str(row["sameOrderServiceBill"]["orderId"]) == str(order)]
        elif not any(name in params for name in ("applyTimeBegin", "approveTimeBegin")):
            raise Problem("61", "订单号、申请时间、审核时间必填其一")
        for kind, name, days in (("apply", "afsApplyTime", 7), ("approve", "approveDate", 10)):
            begin, end = _moment(params.get(f"{kind}TimeBegin")), _moment(params.get(f"{kind}TimeEnd"))
            if (begin is None) != (end is None) or (begin and end and end - begin > timedelta(days=days)):
                raise Problem("61", f"时间跨度不能超过{days}天")
            rows = [row for row in rows if _within(row["sameOrderServiceBill"].get(name), begin, end)]
        page = {"data": _cut(rows, params, "pageNumber"), "totalCount": len(rows), "success": True, "code": "00000"}
        return {"pageResult": page}

    # Reviewing -------------------------------------------------------------------------------------------------------

    def _reply(self, params: dict[str, Any]) -> dict[str, Any]:
        why = next(self._why_not(params), "")
        if why:
            return {"replyResult": {"success": False, "errorCode": "1001", "errorMsg": why}}
        refund_id, status = str(params["id"]), str(params["status"])
        row = self.cancels[refund_id]
        row |= {"status": int(status), "checkTime": self._said(), "modified": self._said()}
        row |= {"checkUserName": params["checkUserName"], "checkRemark": params.get("remark", "")}
        if status in PAYING:
            self.paid.setdefault(refund_id, []).append(row["applyRefundSum"])
            row["status"] = 3 if self.finance_at_once else row["status"]
        return {"replyResult": {"success": True, "errorCode": "0"}}

    def _why_not(self, params: dict[str, Any]) -> Iterator[str]:
        row, status = self.cancels.get(str(params.get("id"))), str(params.get("status"))
        if row is None:
            yield "申请单不存在"
        elif row["status"] not in (0, 8, 10, 19) and not self.trusting:
            yield "申请单不能审核为该结果，请检查申请单是否已审核；"
        if status not in ("1", "2", "6", "9", "10"):
            yield "审核结果不正确"
        if not params.get("checkUserName"):
            yield "审核人不能为空"
        if status != "9" and not params.get("remark"):
            yield "审核备注不能为空"
        if (status == "2") != (params.get("rejectType") in range(1, 7)):
            yield "拒绝原因不正确"
        if params.get("outWareStatus") not in (None, 1, 2):
            yield "出库状态不正确"


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.strptime(value, TIMES) if value else None  # noqa: DTZ007  all of JD's are Beijing's
    except (TypeError, ValueError):
        raise Problem("61") from None


def _within(value: Any, begin: datetime | None, end: datetime | None) -> bool:
    if begin is None and end is None:
        return True
    moment = _moment(value)
    return moment is not None and (begin is None or begin <= moment) and (end is None or moment <= end)


def _cut(rows: list[dict[str, Any]], params: dict[str, Any], page: str) -> list[dict[str, Any]]:
    number, size = params.get(page, 1), params.get("pageSize", 10)
    if not (isinstance(number, int) and isinstance(size, int)):
        raise Problem("61")
    if not (1 <= number <= MOST_PAGES and 1 <= size <= MOST_A_PAGE):
        raise Problem("61")
    return rows[(number - 1) * size : number * size]
