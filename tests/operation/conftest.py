"""An app whose tables are made by its migrations."""

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from tests.databases import KIND, empty_database


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
