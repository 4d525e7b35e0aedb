"""Every hook, setting, error and command is documented, every hook tested. Each is seen to fail on a planted breach."""

from __future__ import annotations

from pathlib import Path

from tests.contract import papers
from tornadogw.cli import top


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_hook_is_documented(root):
    assert len(papers.hooks(root)) >= 5
    assert papers.undocumented_hooks(root) == []


def test_a_hook_with_another_argument_is_reported(copy, new):
    spoil(copy / "docs/hooks.md", "`gw_register_vendors(register, settings)`", "`gw_register_vendors(register)`")
    assert new(papers.undocumented_hooks) == [
        "docs/hooks.md lacks `gw_register_vendors(register, settings)`",
        "docs/hooks.md has `gw_register_vendors(register)`, which is no hook",
    ]


def test_every_hook_is_tested(root):
    assert papers.untested_hooks(root) == []


def test_a_new_hook_is_reported(copy, new):
    with (copy / "tornadogw/hookspecs.py").open("a") as out:
        out.write("\n\n@hookspec\nasync def gw_unheard(record: Record) -> None: ...\n")
    assert new(papers.undocumented_hooks) == ["docs/hooks.md lacks `async gw_unheard(record)`"]
    assert new(papers.untested_hooks) == ["no test_hook_unheard for gw_unheard"]


def test_every_setting_is_documented(root):
    assert {("server", "port"), ("models.routes", "upstream"), ("upstreams", "keys")} <= set(papers.settings())
    assert papers.undocumented_settings(root) == []


def test_a_missing_setting_is_reported(copy, new):
    spoil(copy / "docs/settings.md", "`ip_per_minute`", "`ip_per_hour`")
    assert new(papers.undocumented_settings) == ["docs/settings.md lacks limits.ip_per_minute"]


def test_every_error_is_documented(root):
    assert len(papers.error_rows()) >= 15
    assert papers.undocumented_errors(root) == []


def test_a_missing_error_is_reported(copy, new):
    spoil(copy / "docs/errors.md", "| 2002 | 402 |", "| 2002 | 429 |")
    assert len(new(papers.undocumented_errors)) == 1
    spoil(copy / "docs/errors.md", "`Unreadable`", "`Illegible`")
    assert new(papers.undocumented_errors)[-1] == "docs/errors.md does not say when `Unreadable` happens and what to do"


def test_every_command_is_documented(root):
    assert {"serve", "account credit EMAIL AMOUNT", "key create EMAIL"} <= dict(papers.commands(top)).keys()
    assert papers.undocumented_commands(root) == []


def test_a_missing_command_is_reported(copy, new):
    spoil(copy / "docs/command-line.md", "`tornadogw key rotate EMAIL KEY_ID`", "`tornadogw key renew EMAIL KEY_ID`")
    spoil(copy / "docs/command-line.md", "`--ips CIDR,..`", "`--ipr CIDR,..`")
    assert new(papers.undocumented_commands) == [
        "docs/command-line.md: `tornadogw key create EMAIL` lacks --ips",
        "docs/command-line.md lacks `tornadogw key rotate EMAIL KEY_ID`",
        "docs/command-line.md has `tornadogw key renew EMAIL KEY_ID`, which is no command",
    ]


def test_every_dependency_is_explained(root):
    assert papers.undocumented_dependencies(root) == []


def test_a_dependency_without_a_reason_is_reported(copy, new):
    spoil(copy / "setup.py", '    "click', '    "requests>=2",\n    "click')
    assert new(papers.undocumented_dependencies) == ["docs/dependencies.md lacks requests"]
