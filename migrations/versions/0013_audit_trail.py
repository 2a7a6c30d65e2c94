"""The audit trail, whose entries nobody can change."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.append_only import protect, release
from dtool_lookup_server.columns import Line, Timestamp

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_audit_entry_happened_at": ["happened_at", "id"],
    "ix_audit_entry_action": ["action", "happened_at", "id"],
    "ix_audit_entry_username": ["username", "happened_at", "id"],
}


def upgrade() -> None:
    # MariaDB commits after every statement: a step that was interrupted is run again.
    op.create_table(
        "audit_entry",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
        ),
        sa.Column("happened_at", Timestamp, nullable=False),
        sa.Column("action", Line(32), nullable=False),
        sa.Column("source", Line(16), nullable=False),
        sa.Column("username", Line(64)),
        sa.Column("os_user", Line(64)),
        sa.Column("address", Line(64)),
        sa.Column("request_id", Line(128)),
        sa.Column("access_token_id", sa.Integer()),
        sa.Column("base_uri", Line(1024)),
        sa.Column("subject", Line(1024)),
        sa.Column("details", Line(4000)),
        sa.Column("pruned_before", Timestamp),
        if_not_exists=True,
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "audit_entry", columns, if_not_exists=True)
    protect(op.get_bind(), "audit_entry")


def downgrade() -> None:
    op.drop_table("audit_entry", if_exists=True)
    release(op.get_bind(), "audit_entry")
