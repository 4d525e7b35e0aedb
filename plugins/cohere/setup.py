"""The distribution `tornadogw-cohere`."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

setup(
    name="tornadogw-cohere",
    version="0.1.0",
    description="Cohere's chat API behind tornadogw",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=["tornadogw_cohere"],
    package_data={"tornadogw_cohere": ["py.typed", "quality.toml"]},
    install_requires=["tornadogw>=0.1", "typing-extensions>=4.12"],
    entry_points={"tornadogw": ["cohere = tornadogw_cohere"]},
)
