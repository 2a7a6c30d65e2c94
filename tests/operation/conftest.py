"""An app whose tables are made by its migrations."""

import shutil
import subprocess
import sys
import zipfile

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from tests.databases import KIND, empty_database
from tests.operation.processes import REPOSITORY


@pytest.fixture
def database_url(tmp_path):
    """URL of a database without tables, which is nobody else's."""
    with empty_database(KIND, tmp_path) as url:
        yield url


@pytest.fixture
def empty_app(config):
    """An app without tables."""
    app = create_app(config)
    yield app
    with app.app_context():
        sql_db.session.remove()
        sql_db.engine.dispose()


def set_revision(app, revision):
    """Write into the database which migration it has reached."""
    with app.app_context():
        sql_db.session.execute(
            sa.text("UPDATE alembic_version SET version_num = :revision"),
            {"revision": revision},
        )
        sql_db.session.commit()


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A folder with what a wheel installs, made of what the Dockerfile copies."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    copied = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in (line[1:] for line in copied if line.startswith("!")):
        path = REPOSITORY / name
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, source / name)
    subprocess.run(
        [
            *(sys.executable, "-m", "build", "--wheel", "--no-isolation"),
            *("--outdir", out, source),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(out / "site-packages")
    return out / "site-packages"
