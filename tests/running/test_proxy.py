"""The proxy of `deploy/nginx.conf` in front of a server that tells what reaches it, on a real nginx."""

import json
import os
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.services import free_port

ROOT = Path(__file__).parents[2]
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
PATIENCE = 20.0
AROUND = """{user}pid nginx.pid;
daemon off;
error_log {folder}/main-error.log;
events {{}}
http {{
    client_body_temp_path body; proxy_temp_path proxied;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include {folder}/site.conf;
}}
"""

if NGINX is None:
    if os.environ.get("CI"):
        pytest.fail("No nginx on this machine, so deploy/nginx.conf cannot be tried.", pytrace=False)
    pytest.skip("*** LEFT OUT: the proxy. There is no nginx on this machine; Debian and Ubuntu have it as: "
                "apt-get install nginx-light", allow_module_level=True)  # fmt: skip


class Teller(BaseHTTPRequestHandler):
    """Answers with the headers that reached it, as a script, long enough to be worth compressing."""

    def do_GET(self) -> None:  # noqa: N802
        told = {name.lower(): value for name, value in self.headers.items()}
        text = json.dumps({**told, "long": "x" * 2000}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args: Any) -> None: ...


@pytest.fixture
def behind() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Teller)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def certified(folder: Path) -> None:
    """A key and its own signature under it, as the conf looks for them."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    (folder / "fullchain.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))


class Proxy:
    """The conf as it is, but for its ports and folders."""

    def __init__(self, folder: Path, behind: int) -> None:
        self.folder, self.port = folder, free_port()
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        for there, here in {
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "127.0.0.1:8000": f"127.0.0.1:{behind}",
            "/etc/letsencrypt/live/desk.example.com": str(folder),
            "/var/log/nginx": str(folder),
        }.items():
            assert there in text, there
            text = text.replace(there, here)
        (folder / "site.conf").write_text(text)
        user = "user root;\n" if os.getuid() == 0 else ""  # may read what the test wrote
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user))
        certified(folder)
        places = ["-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "first.log")]
        self.command = [str(NGINX), *places]

    def ask(self, address: str, **headers: str) -> tuple[HTTPResponse, bytes]:
        around = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        around.check_hostname = False
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=around)
        try:
            connection.request("GET", address, headers={"Host": "desk.example.com", **headers})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)  # noqa: S603
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.ask("/metrics")
            except ConnectionRefusedError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(self.stop())

    def stop(self) -> str:
        """Everything it logged."""
        self.process.terminate()
        self.process.wait(PATIENCE)
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


@pytest.fixture
def proxy(tmp_path: Path, behind: ThreadingHTTPServer) -> Iterator[Proxy]:
    found = Proxy(tmp_path, behind.server_port)
    found.start()
    yield found
    found.stop()


def test_nginx_takes_the_conf(tmp_path: Path) -> None:
    told = subprocess.run([*Proxy(tmp_path, 1).command, "-t"], capture_output=True, text=True, check=False)  # noqa: S603
    assert told.returncode == 0, told.stderr
    assert "[emerg]" not in told.stderr


def test_what_a_caller_says_of_itself_is_overwritten(proxy: Proxy) -> None:
    forged = {"X-Real-IP": "6.6.6.6", "X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6",
              "X-Forwarded-Proto": "no", "X-Request-ID": "6.6.6.6-forged"}  # fmt: skip
    _answer, text = proxy.ask("/", **forged)
    reached = json.loads(text)
    assert (reached["x-real-ip"], reached["x-forwarded-for"], reached["x-forwarded-proto"]) == (
        "127.0.0.1", "127.0.0.1", "https",
    )  # fmt: skip
    assert "6.6.6.6" not in text.decode()
    assert "forwarded" not in reached


def test_no_log_line_holds_a_search_or_where_somebody_comes_from(proxy: Proxy, behind: ThreadingHTTPServer) -> None:
    proxy.ask("/erase/?q=buyer-of-the-cup", Referer="https://desk.example.com/search/?q=buyer-of-the-cup")
    behind.shutdown()
    behind.server_close()
    answer, _text = proxy.ask("/search/?q=buyer-of-the-cup")
    assert answer.status == 502
    told = proxy.stop()
    assert "GET /erase/ 200" in told
    assert "GET /search/ 502" in told
    assert "buyer-of-the-cup" not in told


def test_scripts_are_compressed_and_figures_kept_in(proxy: Proxy) -> None:
    answer, _text = proxy.ask("/static/a.js", **{"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert [proxy.ask(address)[0].status for address in ("/metrics", "/readyz")] == [404, 404]
