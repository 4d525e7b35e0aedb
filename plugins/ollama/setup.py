"""The distribution `tornadogw-ollama`."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

setup(
    name="tornadogw-ollama",
    version="0.1.0",
    description="Ollama's own chat API behind tornadogw",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=["tornadogw_ollama"],
    package_data={"tornadogw_ollama": ["py.typed", "quality.toml"]},
    install_requires=["tornadogw>=0.1", "typing-extensions>=4.12"],
    entry_points={"tornadogw": ["ollama = tornadogw_ollama"]},
)
