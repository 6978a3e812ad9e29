"""One raw PutLogEvents request of the real binary, signed again by botocore, which must come to the same signature."""

import hashlib
import json
import re
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from programs import CREDENTIALS, REGION, Sidecar, wait_for

SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=(\S+), ?SignedHeaders=(\S+), ?Signature=([0-9a-f]{64})")


class Capture(BaseHTTPRequestHandler):
    """Notes each request as it came, and says that all is well."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers["content-length"])
        self.server.requests.append((self.path, self.headers.items(), self.rfile.read(length)))
        answer = b"{}"
        self.send_response(200)
        self.send_header("x-amzn-RequestId", "00000000-0000-4000-8000-000000000000")
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Capture)
    server.requests = []
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(30)


def captured(endpoint, folder, lines, environment):
    url = f"http://127.0.0.1:{endpoint.server_address[1]}"
    flags = ["--group", "/interop/signed", "--stream", "ünïcode $stream"]
    with Sidecar(folder, url, *flags, environment=environment) as sidecar:
        with sidecar.connect() as client:
            client.sendall("".join(line + "\n" for line in lines).encode())
        wait_for("a request came", lambda: endpoint.requests)
        assert sidecar.stop() == 0, sidecar.output()
    path, headers, body = endpoint.requests[0]
    return url + path, {name.lower(): value for name, value in headers}, body


def signed_again(monkeypatch, url, headers, body, token):
    """What botocore makes of the same request at the same moment."""
    date = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: date)
    names = SCOPE.fullmatch(headers["authorization"])[2].split(";")
    request = AWSRequest("POST", url, {name: headers[name] for name in names}, body)
    credentials = Credentials(*CREDENTIALS.values(), token)
    botocore.auth.SigV4Auth(credentials, "logs", REGION).add_auth(request)
    return request.headers["Authorization"]


@pytest.mark.parametrize("token", [None, "session/token+with=odd//characters=="], ids=["key", "session"])
def test_botocore_comes_to_the_same_signature(endpoint, folder, monkeypatch, token):
    lines = ["first", 'with "quotes", \\ and 🦀', *(f"record {n} " + "x" * 100 for n in range(500))]
    environment = {"AWS_SESSION_TOKEN": token} if token else {}
    url, headers, body = captured(endpoint, folder, lines, environment)

    assert headers["x-amz-target"] == "Logs_20140328.PutLogEvents"
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert headers["content-length"] == str(len(body))
    assert "transfer-encoding" not in headers
    assert headers.get("x-amz-content-sha256", hashlib.sha256(body).hexdigest()) == hashlib.sha256(body).hexdigest()
    assert headers.get("x-amz-security-token") == token

    ours, theirs = headers["authorization"], signed_again(monkeypatch, url, headers, body, token)
    assert SCOPE.fullmatch(ours).groups() == SCOPE.fullmatch(theirs).groups()
    # The signature covers the body: with another one it is another.
    other = signed_again(monkeypatch, url, headers, body + b" ", token)
    assert SCOPE.fullmatch(ours)[3] != SCOPE.fullmatch(other)[3]

    call = json.loads(body)
    assert set(call) == {"logGroupName", "logStreamName", "logEvents"}
    assert (call["logGroupName"], call["logStreamName"]) == ("/interop/signed", "ünïcode $stream")
    sent = [event["message"] for event in call["logEvents"]]
    assert sent and sent == lines[: len(sent)]
    times = [event["timestamp"] for event in call["logEvents"]]
    assert times == sorted(times) and all(isinstance(at, int) for at in times)
