"""The moment before which a user's tokens are worthless; personal access tokens."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Line, Timestamp

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user", sa.Column("tokens_valid_from", Timestamp))
    op.create_table(
        "access_token",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("user.id"), nullable=False),
        sa.Column("name", Line(255), nullable=False),
        sa.Column("digest", Line(64), nullable=False),
        sa.Column("scopes", Line(64), nullable=False),
        sa.Column("all_base_uris", sa.Boolean, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("last_used_at", Timestamp),
    )
    op.create_index("ix_access_token_user_id", "access_token", ["user_id"])
    op.create_index("ix_access_token_digest", "access_token", ["digest"], unique=True)
    op.create_table(
        "access_token_base_uri",
        sa.Column(
            "token_id", sa.Integer, sa.ForeignKey("access_token.id"), primary_key=True
        ),
        sa.Column(
            "base_uri_id", sa.Integer, sa.ForeignKey("base_uri.id"), primary_key=True
        ),
    )
    op.create_index(
        "ix_access_token_base_uri_base_uri_id", "access_token_base_uri", ["base_uri_id"]
    )


def downgrade() -> None:
    op.drop_table("access_token_base_uri")
    op.drop_table("access_token")
    op.drop_column("user", "tokens_valid_from")
