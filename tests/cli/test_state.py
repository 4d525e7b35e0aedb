"""Where data and settings are."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from tornadogw.cli.output import Output
from tornadogw.cli.state import State
from tornadogw.errors import SettingsError, UsageError


@pytest.fixture
def state(tmp_path):
    state = State(Output(as_json=False, language="en"), serve=None)
    state.data_option = tmp_path / "new" / "data"
    return state


def test_the_data_folder_is_made(state):
    assert state.data.is_dir()
    assert state.data.stat().st_mode & 0o777 == 0o700


def test_the_default_is_the_platforms(state, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    state.data_option = None
    assert state.data == platformdirs.user_data_path("tornadogw", appauthor=False)
    assert state.data.is_dir()


def test_a_relative_folder_stays_where_it_is(state, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    state.data_option = Path("here")
    assert state.data == Path.cwd() / "here"


def test_a_folder_that_cannot_be_made(state, tmp_path):
    (tmp_path / "file").write_text("")
    state.data_option = tmp_path / "file" / "data"
    with pytest.raises(UsageError, match="cannot be made: Not a directory"):
        _ = state.data


def test_settings_beat_the_locale(state, tmp_path):
    state.settings_option = tmp_path / "own.toml"
    state.settings_option.write_text("[server]\nlanguage = 'zh'\nport = 81\n")
    assert state.load({"server.port": 82}).settings.server.port == 82
    assert state.out.language == "zh"


def test_settings_without_a_language_leave_it(state):
    assert state.load().settings.server.language == "zh"
    assert state.out.language == "en"


def test_wrong_settings(state, tmp_path):
    state.settings_option = tmp_path / "own.toml"
    state.settings_option.write_text("[server]\nprot = 81\n")
    with pytest.raises(SettingsError, match="port"):
        state.load()
