"""The tables of 0.18.

A database that 0.18 made has them already and is left as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    existing = set(sa.inspect(op.get_bind()).get_table_names())
    if "user" not in existing:
        create_user()
    if "base_uri" not in existing:
        create_base_uri()
    if "dataset" not in existing:
        create_dataset()
    for name in ("search_permissions", "register_permissions"):
        if name not in existing:
            create_permissions(name)


def downgrade() -> None:
    op.drop_table("register_permissions")
    op.drop_table("search_permissions")
    op.drop_table("dataset")
    op.drop_table("base_uri")
    op.drop_table("user")


def create_user() -> None:
    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("username", sa.String(64)),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_user_username", "user", ["username"], unique=True)


def create_base_uri() -> None:
    op.create_table(
        "base_uri",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("base_uri", sa.String(255)),
    )
    op.create_index("ix_base_uri_base_uri", "base_uri", ["base_uri"], unique=True)


def create_dataset() -> None:
    op.create_table(
        "dataset",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "base_uri_id", sa.Integer(), sa.ForeignKey("base_uri.id"), nullable=False
        ),
        sa.Column("uri", sa.String(255), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("creator_username", sa.String(255), nullable=False),
        sa.Column("frozen_at", sa.DateTime(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("number_of_items", sa.Integer()),
        sa.Column("size_in_bytes", sa.BigInteger()),
    )
    op.create_index("ix_dataset_uri", "dataset", ["uri"], unique=True)
    for column in ("uuid", "name", "creator_username"):
        op.create_index(f"ix_dataset_{column}", "dataset", [column])


def create_permissions(name: str) -> None:
    op.create_table(
        name,
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("user.id"), primary_key=True),
        sa.Column(
            "base_uri_id",
            sa.Integer(),
            sa.ForeignKey("base_uri.id"),
            primary_key=True,
        ),
    )
