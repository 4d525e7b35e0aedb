from __future__ import annotations

import pytest

from tornadogw.errors import SettingsError
from tornadogw.settings.files import line_numbers, read
from tornadogw.settings.layers import origins, plain

TEXT = '''\
# a comment
top = 1

[server]
port = 8080   # [not.a.table]
hosts = [
  "a",  # x = 1
  "[b]",
]
text = """
[models]
key = 2
"""
a.b = 3

[[models]]
name = "one"
price = { input = "1", output = "2" }
  [[models.routes]]
  upstream = "u"
  [[models.routes]]
  upstream = "v"
  [models.routes.cost]
  input = "0"
[[models]]
name = "two"
routes = [{ upstream = "w" },
          { upstream = "x" }]
["quoted table"."x.y"]
z = 1
'''


def test_line_numbers():
    assert line_numbers(TEXT) == {
        "top": 2,
        "server.port": 5,
        "server.hosts": 6,
        "server.text": 10,
        "server.a": 14,
        "server.a.b": 14,
        "models[0].name": 17,
        "models[0].price": 18,
        "models[0].price.input": 18,
        "models[0].price.output": 18,
        "models[0].routes[0].upstream": 20,
        "models[0].routes[1].upstream": 22,
        "models[0].routes[1].cost.input": 24,
        "models[1].name": 26,
        "models[1].routes": 27,
        "models[1].routes[0].upstream": 27,
        "models[1].routes[1].upstream": 27,
        "quoted table.x.y.z": 30,
    }


def test_a_file(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(TEXT)
    found = origins(read(path))
    assert found["models[0].routes[1].upstream"] == f"{path}:22"
    assert plain(read(path))["server"]["hosts"] == ["a", "[b]"]


def test_a_byte_order_mark_and_windows_line_ends(tmp_path):
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbf[server]\r\nport = 1\r\n")
    assert plain(read(path)) == {"server": {"port": 1}}
    assert origins(read(path))["server.port"] == f"{path}:2"


def test_a_folder(tmp_path):
    (tmp_path / "20-models.toml").write_text('[[models]]\nname = "b"\n')
    (tmp_path / "10-models.toml").write_text('[server]\nport = 1\n[[models]]\nname = "a"\n')
    (tmp_path / "30-server.toml").write_text('[server]\nhost = "h"\n')
    (tmp_path / ".hidden.toml").write_text("broken")
    (tmp_path / "notes.txt").write_text("broken")
    tree = read(tmp_path)
    assert plain(tree) == {"server": {"port": 1, "host": "h"}, "models": [{"name": "a"}, {"name": "b"}]}
    assert origins(tree)["models[1].name"] == f"{tmp_path}/20-models.toml:2"


def test_a_value_in_two_files_names_both(tmp_path):
    (tmp_path / "a.toml").write_text("[server]\nport = 1\n")
    (tmp_path / "b.toml").write_text("\n[server]\nport = 1\n")
    with pytest.raises(SettingsError) as caught:
        read(tmp_path)
    assert f"server.port is set twice: in {tmp_path}/a.toml:2 and in {tmp_path}/b.toml:3" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"a = ", "not TOML: Invalid value"), (b"\xff", "not UTF-8 text"), (b"[a]\n[a]\n", "not TOML: Cannot declare")],
)
def test_what_is_no_toml_is_named(tmp_path, content, sentence):
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: {sentence}")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read \(No such file or directory\)"):
        read(tmp_path / "none.toml")


def test_an_empty_folder(tmp_path):
    with pytest.raises(SettingsError, match=r"holds no \.toml file"):
        read(tmp_path)
