"""The pages: links lead somewhere, code blocks can be read, the readmes' two lines are the ones that are run."""

from __future__ import annotations

import pytest

from tests.contract import papers


def test_links_lead_somewhere(root):
    assert papers.dead_links(root) == []


def test_dead_links_are_reported(copy, new):
    (copy / "docs/extra.md").write_text(
        "# One\n[a](gone.md) [b](#one) [c](#two) [d](https://x.test/) [e](extra.md#one)\n"
    )
    assert new(papers.dead_links) == ["docs/extra.md: gone.md leads nowhere", "docs/extra.md: #two has no such heading"]


def test_code_blocks_can_be_read(root):
    assert papers.bad_blocks(root) == []


@pytest.mark.parametrize(
    ("block", "breach"),
    [
        ("```\nls\n```\n", "a code block without a language: ls"),
        ("```python\nif:\n```\n", "python block"),
        ("```toml\na = \n```\n", "toml block"),
        ("```json\n{'a': 1}\n```\n", "json block"),
    ],
)
def test_bad_blocks_are_reported(block, breach, copy, new):
    (copy / "docs/extra.md").write_text(block)
    (found,) = new(papers.bad_blocks)
    assert breach in found


def test_the_readmes_two_lines(root):
    assert papers.readme_lines(root) == []


def test_a_second_block_is_reported(copy, new):
    page = copy / "README.md"
    page.write_text(page.read_text().replace("## Test it", "```bash\nmore\n```\n\n## Test it"))
    assert "README.md: `## Run it` must have exactly one code block of one line" in new(papers.readme_lines)


def test_another_test_line_is_reported(copy, new):
    script = copy / ".ci/run"
    script.write_text(f"{script.read_text()}true\n")
    assert new(papers.readme_lines) == [".ci/run does not end with the test line of README.md"]
    script.chmod(0o644)
    assert new(papers.readme_lines)[-1] == ".ci/run is not executable"
