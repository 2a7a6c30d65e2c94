"""Attempts at passwords, which all workers count; URIs of any characters.

An index of PostgreSQL has too little room for a URI of 1,024 characters of several
bytes: what is unique is a digest.
"""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import (
    POSTGRESQL,
    Line,
    Timestamp,
    long_indexes,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# The columns of URIs, each with a unique index.
URIS = {"base_uri": "base_uri", "dataset": "uri"}


def upgrade() -> None:
    create_attempts()
    if op.get_bind().dialect.name == POSTGRESQL:
        index_digests()


def downgrade() -> None:
    if op.get_bind().dialect.name == POSTGRESQL:
        index_uris()
    op.drop_table("token_attempt")


def create_attempts() -> None:
    op.create_table(
        "token_attempt",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("username", Line(64), nullable=False),
        sa.Column("address", Line(64), nullable=False),
        sa.Column("tried_at", Timestamp, nullable=False),
        if_not_exists=True,
    )
    for column in ("username", "address", "tried_at"):
        op.create_index(
            f"ix_token_attempt_{column}", "token_attempt", [column], if_not_exists=True
        )


def index_digests() -> None:
    with op.get_context().autocommit_block():
        for table, column in URIS.items():
            for name, definition in long_indexes(table, column).items():
                create(name, table, definition)
            drop(f"ix_{table}_{column}", table)


def index_uris() -> None:
    with op.get_context().autocommit_block():
        for table, column in URIS.items():
            name = f"ix_{table}_{column}"
            create(name, table, f"UNIQUE INDEX {name} ON {table} ({column})")
            for other in long_indexes(table, column):
                drop(other, table)


def create(name: str, table: str, definition: str) -> None:
    """Make an index without keeping anybody from writing."""
    # One that was interrupted is there, and of no use.
    drop(name, table)
    op.execute(f"CREATE {definition.replace('INDEX', 'INDEX CONCURRENTLY', 1)}")


def drop(name: str, table: str) -> None:
    op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
