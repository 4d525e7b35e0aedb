"""`tornadogw serve` as a subprocess: what it says, and how it stops."""

from __future__ import annotations

import json
import socket
import subprocess
from urllib.request import urlopen


def test_the_first_start_and_the_second(start, alone):
    gateway = start()
    said = gateway.read_until("ready in")
    for word in (
        "data     /",
        "MongoDB  private mongod ",
        "plugins  ",
        "models   echo\n",
        "API      http://127.0.0.1:",
    ):
        assert word in said
    line = next(line for line in said.splitlines() if "curl " in line)
    assert said.index("curl ") == said.index(line)
    answer = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout.startswith("data: {")
    assert answer.stdout.endswith("data: [DONE]\n\n")
    owner = next(each for each in alone("account", "list", "--json").json["accounts"] if each["role"] == "owner")
    assert owner["email"] in said
    url = line.partition("curl ")[2].partition("/xlei/")[0]
    assert said.splitlines()[said.splitlines().index(line) + 1] == f"Pages, log in at {url}/login"
    with urlopen(f"{url}/login", timeout=30) as page:
        assert page.status == 200
    assert gateway.stop() == 0

    again = start()
    assert "curl " not in again.read_until("ready in")
    assert again.stop() == 0
    log = again.log.read_text()
    assert "Traceback" not in log
    key = line.partition("Bearer ")[2].partition("'")[0]
    assert key.startswith("sk-")
    assert key not in log


def test_as_json_it_is_one_document(start):
    gateway = start("--json")
    document = json.loads(gateway.read_until("}"))
    assert document["models"] == ["echo"]
    assert document["welcome"]["curl"].startswith(f"curl {document['url']}/xlei/v1/chat/completions ")
    assert document["welcome"]["key"] in document["welcome"]["curl"]
    assert document["welcome"]["login"] == f"{document['url']}/login"
    gateway.process.terminate()
    rest, _ = gateway.process.communicate(timeout=60)
    assert (gateway.process.returncode, rest) == (0, "")
    assert all(json.loads(line) for line in gateway.log.read_text().splitlines())


def test_in_chinese_on_every_address(start):
    gateway = start("--host", "0.0.0.0", LANG="zh_CN.UTF-8")
    said = gateway.read_until("已就绪")
    assert "首次启动" in said
    assert "curl http://127.0.0.1:" in said
    assert "你好" in said
    assert "网页登录: http://127.0.0.1:" in said
    assert gateway.stop() == 0


def test_without_pages_no_log_in_is_told(start):
    gateway = start("--json", TORNADOGW_PORTAL__ENABLED="false")
    assert json.loads(gateway.read_until("}"))["welcome"]["login"] == ""
    assert gateway.stop() == 0


def test_more_workers_than_one_tell_one_login(start):
    gateway = start("--workers", "2")
    said = gateway.read_until("ready in")
    assert said.count("curl ") == 1
    assert len(gateway.workers()) == 2
    gateway.process.terminate()
    rest, _ = gateway.process.communicate(timeout=60)
    assert (gateway.process.returncode, rest) == (0, "")


def test_a_port_that_is_taken(cli):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = cli("serve", "--port", str(taken.getsockname()[1]), "--json")
    assert done.code == 1
    assert "cannot listen on 127.0.0.1" in done.json["error"]
