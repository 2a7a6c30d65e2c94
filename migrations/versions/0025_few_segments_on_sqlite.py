"""On SQLite, the text index unites its segments earlier."""

from alembic import op

from dtool_lookup_server.plugins.sql import fts5

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

USUAL = {"crisismerge": 16, "usermerge": 4}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        fts5.configure(op.get_bind())


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        fts5.configure(op.get_bind(), **USUAL)
