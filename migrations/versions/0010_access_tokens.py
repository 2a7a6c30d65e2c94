"""Personal access tokens, and the base URIs that each is limited to."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Line, Timestamp

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# By name: the table, the column, and whether it is unique.
INDEXES = {
    "ix_access_token_user_id": ("access_token", "user_id", False),
    "ix_access_token_sha256": ("access_token", "sha256", True),
    "ix_access_token_base_uri_base_uri_id": (
        "access_token_base_uri",
        "base_uri_id",
        False,
    ),
}


def upgrade() -> None:
    # MariaDB commits after every statement: a step that was interrupted is run again.
    op.create_table(
        "access_token",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("user.id"), nullable=False),
        sa.Column("name", Line(255), nullable=False),
        sa.Column("sha256", Line(64), nullable=False),
        sa.Column("scopes", Line(64), nullable=False),
        sa.Column("all_base_uris", sa.Boolean(), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("last_used_at", Timestamp),
        if_not_exists=True,
    )
    op.create_table(
        "access_token_base_uri",
        sa.Column(
            "token_id", sa.Integer(), sa.ForeignKey("access_token.id"), primary_key=True
        ),
        sa.Column(
            "base_uri_id", sa.Integer(), sa.ForeignKey("base_uri.id"), primary_key=True
        ),
        if_not_exists=True,
    )
    for name, (table, column, unique) in INDEXES.items():
        op.create_index(name, table, [column], unique=unique, if_not_exists=True)


def downgrade() -> None:
    op.drop_table("access_token_base_uri", if_exists=True)
    op.drop_table("access_token", if_exists=True)
