"""Asking upstreams for a very short answer, on real sockets."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest

from tornadogw.catalogue import Catalogue
from tornadogw.cli.probe import probe
from tornadogw.plugins import load_plugins
from tornadogw.settings import load


class Upstream(BaseHTTPRequestHandler):
    """Lets one key in."""

    def do_POST(self):
        asked = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        known = self.headers["Authorization"] == "Bearer good-key-of-twenty-letters"
        key = self.headers["Authorization"].removeprefix("Bearer ")
        error = {"error": {"message": f"Incorrect API key provided: {key}.", "code": "invalid_api_key"}}
        body = b'data: {"choices":[]}\n\n' if known else orjson.dumps(error)
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """In silence."""


@pytest.fixture
def upstream():
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def settings(tmp_path, port, modes='["chat", "completion"]'):
    (tmp_path / "own.toml").write_text(f"""
[[upstreams]]
name = "a"
vendor = "openai"
base_url = "http://127.0.0.1:{port}/v1"
keys = ["good-key-of-twenty-letters", "sk-bad-key-of-twenty-letters"]

[[models]]
name = "m"
modes = {modes}
price = {{ input = "1", output = "1" }}
routes = [{{ upstream = "a", model = "m-1" }}]
""")
    return load(tmp_path / "own.toml", tmp_path, {}, {})


async def test_each_key_is_tried(tmp_path, upstream):
    loaded = settings(tmp_path, upstream.server_port)
    catalogue = Catalogue.build(loaded.settings, load_plugins(loaded, {}, points=[]).register_vendors(), {})
    (good, fine), (bad, why) = await probe(catalogue, loaded.settings.defaults)
    assert good != bad
    assert fine == ""
    assert why.startswith("HTTP 401, Incorrect API key provided")
    assert "bad-key" not in why
    assert all(each["model"] == "m-1" and each["messages"] for each in upstream.asked)
    assert {each.get("max_tokens") or each.get("max_completion_tokens") for each in upstream.asked} == {16}


async def test_a_model_for_completions_only(tmp_path, upstream):
    loaded = settings(tmp_path, upstream.server_port, '["completion"]')
    catalogue = Catalogue.build(loaded.settings, load_plugins(loaded, {}, points=[]).register_vendors(), {})
    (_, fine), _ = await probe(catalogue, loaded.settings.defaults)
    assert fine == ""


async def test_nobody_there(tmp_path):
    loaded = settings(tmp_path, 1)
    catalogue = Catalogue.build(loaded.settings, load_plugins(loaded, {}, points=[]).register_vendors(), {})
    answers = await probe(catalogue, loaded.settings.defaults)
    assert len(answers) == 2
    assert all(why for _, why in answers)
