"""The distribution `tornadogw-jsonlines`."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

setup(
    name="tornadogw-jsonlines",
    version="0.1.0",
    description="Writes each finished call of a tornadogw as one line of JSON",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=["tornadogw_jsonlines"],
    package_data={"tornadogw_jsonlines": ["py.typed", "quality.toml"]},
    install_requires=["tornadogw>=0.1"],
    entry_points={"tornadogw": ["jsonlines = tornadogw_jsonlines:JsonLines"]},
)
