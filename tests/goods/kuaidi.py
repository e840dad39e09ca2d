"""A local Kuaidi100 for tests: it checks signatures, knows traces, and can be told to go wrong."""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

KEY, SECRET, SALT = "key-of-a-test", "secret-of-a-test", "salt-of-a-test"


def md5(*parts: str) -> str:
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest().upper()


BROKEN = {"html": (200, b"<html>busy</html>"), "garbage": (200, b"\x00\xff"), "http_500": (500, b"busy")}


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_args: Any) -> None:
        """A client that went away before the answer is what some tests are about."""


class Kuaidi:
    """`traces`: waybill → result as the service gives it. `subscribed`, `intercepted`: what it was asked for."""

    def __init__(self) -> None:
        self.traces: dict[str, dict[str, Any]] = {}
        self.subscribed: dict[str, dict[str, Any]] = {}
        self.intercepted: list[dict[str, Any]] = []
        self.queried: list[str] = []
        self.faults: list[str] = []
        self.refuses = ""
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                fault = service.faults.pop(0) if service.faults else ""
                if fault != "cut_before":
                    status, answer = 200, json.dumps(service.answer(self.path, form), ensure_ascii=False).encode()
                if fault.startswith("cut"):
                    self.close_connection = True
                    self.connection.close()
                    return
                if fault == "slow":
                    time.sleep(0.4)
                status, answer = BROKEN.get(fault, (status, answer))
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

    def answer(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        if path == "/poll/query.do":
            return self.query(form)
        if path == "/poll":
            return self.subscribe(json.loads(form["param"]))
        return self.intercept(form)

    def query(self, form: dict[str, str]) -> dict[str, Any]:
        if form["sign"] != md5(form["param"], KEY, form["customer"]):
            return {"result": False, "returnCode": "503", "message": "验证签名失败"}
        number = json.loads(form["param"])["num"]
        self.queried.append(number)
        return self.traces.get(number) or {
            "result": False,
            "returnCode": "500",
            "message": "查询无结果，请隔段时间再查",
        }

    def subscribe(self, param: dict[str, Any]) -> dict[str, Any]:
        if param["key"] != KEY:
            return {"result": False, "returnCode": "600", "message": "您不是合法的订阅者"}
        if param["number"] in self.subscribed:
            return {"result": False, "returnCode": "501", "message": "重复订阅"}
        self.subscribed[param["number"]] = param
        return {"result": True, "returnCode": "200", "message": "提交成功"}

    def intercept(self, form: dict[str, str]) -> dict[str, Any]:
        if form["sign"] != md5(form["param"], form["t"], form["key"], SECRET) or form["method"] != "interceptOrder":
            return {"result": False, "returnCode": "30001", "message": "签名错误"}
        self.intercepted.append(json.loads(form["param"]))
        if self.refuses:
            return {"result": False, "returnCode": "30002", "message": self.refuses}
        return {"result": True, "returnCode": "200", "message": "提交成功", "data": {}}


def trace(waybill: str, *rows: tuple[str, str, str], state: str = "0") -> dict[str, Any]:
    """A result: rows of (time, state code, words), newest first as the service tells them."""
    data = [{"time": at, "ftime": at, "statusCode": code, "context": words, "status": ""} for at, code, words in rows]
    return {"message": "ok", "nu": waybill, "ischeck": "0", "com": "yuantong", "status": "200", "state": state,
            "data": data}  # fmt: skip
