"""The distribution `tornadogw-gemini`."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

setup(
    name="tornadogw-gemini",
    version="0.1.0",
    description="Google's Gemini models behind tornadogw: AI Studio and Vertex AI",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=["tornadogw_gemini"],
    package_data={"tornadogw_gemini": ["py.typed", "quality.toml"]},
    install_requires=["tornadogw>=0.1", "cryptography>=42", "orjson>=3.10", "typing-extensions>=4.12"],
    entry_points={"tornadogw": ["gemini = tornadogw_gemini"]},
)
