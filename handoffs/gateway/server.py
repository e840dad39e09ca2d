"""The gateway's HTTP: requests in, faults on the way, answers out. What a path does stands in `routes`."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from handoffs.gateway.faults import Fault, Faults
from handoffs.gateway.shops import Seller
from handoffs.gateway.taobao import Taobao

LARGEST = 20 * 1024 * 1024
Answer = tuple[int, Mapping[str, Any]]
BROKEN_DOWN = {
    "error_response": {
        "code": 15,
        "msg": "Remote service error",
        "sub_code": "isp.remote-service-timeout",
        "sub_msg": "API调用远程服务超时",
    }
}
LIMITED = "This ban will last for %d more seconds"


@dataclass(frozen=True)
class Request:
    """One call: its text fields (of address and body), its uploads, where it went."""

    path: str
    form: dict[str, str]
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.form.get("method", "")


Handler = Callable[[Request], Answer]


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


class Gateway:
    """`start` it, point a client at `url` + a path of `routes`, look at `calls` and the ledger, `stop` it.

    `broken_down`: by path, what a breakdown of the service looks like there; TOP's where nothing is said. `broken`:
    the gateway's own mistakes, which a test wants to be none.
    """

    def __init__(self, *, port: int = 0, now: Callable[[], datetime] = _now) -> None:
        self.now, self.faults, self.lock = now, Faults(), threading.RLock()
        self.calls: list[Request] = []
        self.routes: dict[str, Handler] = {}
        self.broken_down: dict[str, Mapping[str, Any]] = {}
        self.stopping = threading.Event()
        self.broken: list[Exception] = []
        self._port = port
        self._server: Server | None = None
        self.taobao = Taobao(now=now, lock=self.lock)
        self.routes["/router/rest"] = lambda request: self.taobao.handle(request.form, request.files)

    # Life ------------------------------------------------------------------------------------------------------------

    def start(self) -> "Gateway":
        self.stopping.clear()
        server = Server(("127.0.0.1", self._port), self)
        self._server, self._port = server, server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the door, cut what is under way, wait for its threads."""
        self.stopping.set()
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.cut_all()
            server.server_close()

    def __enter__(self) -> "Gateway":
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def down(self) -> bool:
        """Nobody answers at the address; set it back to False and it is there again, with all it knew."""
        return self._server is None

    @down.setter
    def down(self, down: bool) -> None:
        if down and self._server is not None:
            self.stop()
        elif not down and self._server is None:
            self.start()

    # What tests touch ------------------------------------------------------------------------------------------------

    def seller(self, *, tmall: bool = False) -> Seller:
        """The Taobao or the Tmall shop that is there from the start, with what its client needs."""
        return self.taobao.sellers.of(tmall=tmall)

    def add_refund(self, *, tmall: bool = False, **fields: Any) -> dict[str, Any]:
        """A refund of the Taobao or the Tmall shop, waiting for the seller unless `fields` say otherwise."""
        return self.taobao.refunds.add(self.seller(tmall=tmall), **fields)

    def change(self, refund_id: str, **fields: Any) -> dict[str, Any]:
        """Something happens at the marketplace: fields change, `modified` and the version move on."""
        return self.taobao.refunds.change(refund_id, **fields)

    @property
    def paid(self) -> dict[str, list[int]]:
        """The ledger: by refund, the fen of each payment. Two entries are money that moved twice."""
        return self.taobao.refunds.paid

    def called(self, method: str) -> list[Request]:
        """The calls of one method that arrived, in order."""
        with self.lock:
            return [call for call in self.calls if call.method == method]

    def handle(self, request: Request) -> Answer:
        handler = self.routes.get(request.path)
        if handler is None:
            return 404, {"error": "no such path"}
        try:
            return handler(request)
        except Exception as error:
            self.broken.append(error)
            return 500, {"error": repr(error)}


class Server(ThreadingHTTPServer):
    """Serves a gateway; every connection can be cut from outside."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], gateway: Gateway) -> None:
        self.gateway = gateway
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, Conversation)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        with self._open_lock:
            for one in self._open:
                _cut(one)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A client that went away is what faults are for."""


class Conversation(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # head and body are two writes: else each answer waits 40 ms for the client's nod
    server: Server

    def do_POST(self) -> None:  # noqa: N802  the name that http.server calls
        gateway, request = self.server.gateway, self._request()
        with gateway.lock:
            gateway.calls.append(request)
        fault = gateway.faults.take(request.method)
        if fault is None:
            self._answer(*gateway.handle(request))
        else:
            self._go_wrong(fault, request)

    def _request(self) -> Request:
        address = urlsplit(self.path)
        form = dict(parse_qsl(address.query, keep_blank_values=True))
        body = self.rfile.read(min(int(self.headers.get("content-length") or 0), LARGEST))
        files: dict[str, bytes] = {}
        if self.headers.get_content_type() == "multipart/form-data":
            _parts(body, self.headers.get_param("boundary"), form, files)
        else:
            form |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        return Request(address.path, form, files)

    def _go_wrong(self, fault: Fault, request: Request) -> None:
        gateway = self.server.gateway
        answer = gateway.handle(request) if fault.has_effect else (500, {})
        if fault.kind.startswith("duplicate"):
            second = gateway.handle(request)
            answer = second if fault.kind == "duplicate_last" else answer
        if fault.kind == "slow" and gateway.stopping.wait(fault.seconds):
            self._leave(b"")
        elif fault.kind in ("slow", "duplicate", "duplicate_last"):
            self._answer(*answer)
        elif fault.kind in ("cut_before", "cut_after", "half"):
            self._leave(_bytes(answer[1])[:20] if fault.kind == "half" else b"")
        elif fault.kind == "limited":
            self._answer(200, _limited(int(fault.seconds)))
        else:
            self._spoil(fault.kind, request)

    def _spoil(self, kind: str, request: Request) -> None:
        page = b"<html><head><title>502</title></head><body>Bad Gateway</body></html>"
        if kind == "http_500":
            self._send(500, "text/plain", b"Internal Server Error")
        elif kind == "html":
            self._send(200, "text/html", page)
        elif kind == "garbage":
            self._send(200, "application/json", b'{"rp_refunds_agree_response":{"succ":tr')
        else:
            self._answer(200, self.server.gateway.broken_down.get(request.path, BROKEN_DOWN))

    def _answer(self, status: int, content: Mapping[str, Any]) -> None:
        self._send(status, "application/json;charset=UTF-8", _bytes(content))

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _leave(self, part: bytes) -> None:
        """Go, in the middle of the answer or before it."""
        if part:
            self.send_response(200)
            self.send_header("Content-Length", str(len(part) + 1000))
            self.end_headers()
            self.wfile.write(part)
        self.close_connection = True
        _cut(self.connection)

    def log_message(self, *_words: Any) -> None:
        """Silent."""


def _limited(seconds: int) -> dict[str, Any]:
    sub_code = "accesscontrol.limited-by-api-access-count"
    return {"error_response": {"code": 7, "msg": "App Call Limited", "sub_code": sub_code,
                               "sub_msg": LIMITED % seconds}}  # fmt: skip


def _bytes(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _parts(body: bytes, boundary: Any, form: dict[str, str], files: dict[str, bytes]) -> None:
    """Sort the parts of a multipart body into fields and uploads."""
    for part in body.split(b"--" + str(boundary).encode())[1:-1]:
        head, _blank, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        disposition = Message()
        disposition["content-disposition"] = head.decode().partition(":")[2].partition("\r\n")[0]
        name = str(disposition.get_param("name", "", "content-disposition"))
        data = data.removesuffix(b"\r\n")
        if disposition.get_param("filename", None, "content-disposition") is None:
            form[name] = data.decode()
        else:
            files[name] = data
