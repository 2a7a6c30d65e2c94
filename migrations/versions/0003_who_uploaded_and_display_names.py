"""Who registered a dataset and when; names of users to show."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import POSTGRESQL, Line, Timestamp

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # MariaDB commits after every statement: a step that was interrupted is run again.
    add("user", sa.Column("display_name", Line(255)))
    add("dataset", sa.Column("uploaded_by", Line(64)))
    add("dataset", sa.Column("uploaded_at", Timestamp))
    create_index("ix_dataset_uploaded_by", "dataset", ["uploaded_by"])


def add(table: str, column: sa.Column) -> None:
    known = sa.inspect(op.get_bind()).get_columns(table)
    if column.name not in {each["name"] for each in known}:
        op.add_column(table, column)


def create_index(name: str, table: str, columns: list[str]) -> None:
    """Make an index; on PostgreSQL without keeping anybody from writing."""
    if op.get_bind().dialect.name != POSTGRESQL:
        op.create_index(name, table, columns, if_not_exists=True)
        return
    with op.get_context().autocommit_block():
        # One that was interrupted is there, and of no use.
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index("ix_dataset_uploaded_by", "dataset")
    op.drop_column("dataset", "uploaded_at")
    op.drop_column("dataset", "uploaded_by")
    op.drop_column("user", "display_name")
