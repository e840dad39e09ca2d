"""A local warehouse system for tests: Qimen's XML and Jushuitan's forms at one address, signatures checked, faults on
order. Signatures are computed here anew, from the published recipe, not by the code under test.
"""

import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SECRET, TOKEN = "secret-of-a-test", "token-of-a-test"


def md5(text: bytes) -> str:
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def qimen_sign(params: dict[str, str], body: bytes) -> str:
    plain = "".join(name + params[name] for name in sorted(params) if name != "sign")
    return md5(SECRET.encode() + plain.encode() + body + SECRET.encode()).upper()


BROKEN = {"html": (200, b"<html><body>busy"), "garbage": (200, b"\x00\xff"), "http_500": (500, b"busy")}


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_args: Any) -> None:
        """A client that went away before the answer is what some tests are about."""


class Wms:
    """`orders`: order number → not_picked, packed or left. `faults`: what goes wrong with the next calls, in order."""

    def __init__(self) -> None:
        self.orders: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []
        self.faults: list[str] = []
        self.cancelled: list[str] = []
        wms = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = wms.faults.pop(0) if wms.faults else ""
                if fault == "cut_before":
                    self.close_connection = True
                    self.connection.close()
                    return
                status, answer = wms.handle(self.path, body)
                if fault == "cut_after":
                    self.close_connection = True
                    self.connection.close()
                    return
                if fault == "slow":
                    time.sleep(0.5)
                if fault in ("html", "garbage", "http_500"):
                    status, answer = (
                        (500 if fault == "http_500" else 200),
                        b"<html><body>busy" if fault == "html" else b"\x00\xff",
                    )
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_args: Any) -> None: ...

        self.server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def handle(self, path: str, body: bytes) -> tuple[int, bytes]:
        address = urlsplit(path)
        if address.path.startswith("/open/"):
            return self.jushuitan(address.path, dict(parse_qsl(body.decode())))
        return self.qimen(dict(parse_qsl(address.query)), body)

    # Qimen -----------------------------------------------------------------------------------------------------------

    def qimen(self, params: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if params.get("sign") != qimen_sign(params, body) or params.get("customerId") != "C1":
            return 200, self.flag("failure", "sign-check-failure", "Illegal request")
        order = re.search(rb"<(?:orderCode|deliveryOrderCode)>(.*?)<", body)
        number = order.group(1).decode() if order else ""
        self.calls.append((params["method"], number))
        if params["method"] == "taobao.qimen.order.callback":
            return 200, self.flag("success", "0", "已受理")
        if self.orders.get(number) in ("not_picked", "packed"):
            self.orders[number] = "cancelled"
            self.cancelled.append(number)
            return 200, self.flag("success", "0", "取消成功")
        return 200, self.flag("failure", "S1", "订单已出库")

    @staticmethod
    def flag(flag: str, code: str, words: str) -> bytes:
        told = f"<flag>{flag}</flag><code>{code}</code><message>{words}</message>"
        return f"<?xml version='1.0' encoding='utf-8'?><response>{told}</response>".encode()

    # Jushuitan -------------------------------------------------------------------------------------------------------

    def jushuitan(self, path: str, form: dict[str, str]) -> tuple[int, bytes]:
        plain = "".join(name + form[name] for name in sorted(form) if name != "sign")
        if form.get("sign") != md5((SECRET + plain).encode()):
            return 200, self.said({"code": 10, "msg": "签名错误"})
        if form.get("access_token") != TOKEN:
            return 200, self.said({"code": 100, "msg": "token已过期"})
        biz = json.loads(form["biz"])
        self.calls.append((path, json.dumps(biz, ensure_ascii=False)))
        if path == "/open/refund/single/query":
            (number,) = biz["so_ids"]
            status = {"left": "Sent", "cancelled": "Cancelled"}.get(self.orders.get(number, ""), "WaitConfirm")
            rows = [{"so_id": number, "o_id": 77, "order_status": status}] if number in self.orders else []
            return 200, self.said({"code": 0, "msg": "ok", "data": {"datas": rows}})
        self.cancelled.append(str(biz["o_ids"]))
        return 200, self.said({"code": 0, "msg": "执行成功", "data": {}})

    @staticmethod
    def said(answer: dict[str, Any]) -> bytes:
        return json.dumps(answer, ensure_ascii=False).encode()
