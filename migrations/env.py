"""Runs the migrations on the application's database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import sqlalchemy as sa
from alembic import context
from alembic.script import ScriptDirectory
from flask import current_app

from dtool_lookup_server.cli.base import RedLine
from dtool_lookup_server.columns import SUFFIXES, is_on
from dtool_lookup_server.dataset_json import TABLE as DATASET_JSON
from dtool_lookup_server.engines import WRITES, make_durable, without_time_limit
from dtool_lookup_server.migrating import (
    AHEAD,
    NOT_FILLED,
    UNFINISHED,
    one_at_a_time,
    standing,
)
from dtool_lookup_server.plugins.sql.tables import TEXT_INDEX_PREFIX

extension = current_app.extensions["migrate"]
metadata = extension.db.metadata


def run_offline() -> None:
    """Print the SQL of the migrations."""
    url = extension.db.engine.url.render_as_string(hide_password=False)
    context.configure(url=url, target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run the migrations, each in a transaction where the database can.

    One process at a time; where a newer version has been there, nothing is done.
    """
    # A backup is upgraded before it is restored.
    limited = context.config.attributes.get("engine") or extension.db.engine
    with (
        without_time_limit(limited, current_app.config) as engine,
        # SQLite refuses to write after reading, where others wrote in between.
        engine.connect().execution_options(**{WRITES: True}) as connection,
        one_at_a_time(connection),
        unchecked(connection),
    ):
        reached = standing(connection)
        if reached == UNFINISHED:
            raise RedLine(NOT_FILLED)
        if reached == AHEAD:
            click.echo("A newer version has made the tables ready: nothing to do.")
            return
        forget_foreign_revision(connection)
        # Alembic leaves a transaction that it did not begin as it is.
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_name=is_ours,
            include_object=is_of_this_database,
            transaction_per_migration=True,
            process_revision_directives=keep_empty_revisions_out,
            **extension.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
        make_durable(engine)


@contextmanager
def unchecked(connection: sa.Connection) -> Iterator[None]:
    """Switch SQLite's foreign keys off: a changed table is made anew and renamed."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.dbapi_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        connection.rollback()
        driver.execute("PRAGMA foreign_keys = ON")


def forget_foreign_revision(connection: sa.Connection) -> None:
    """Let an installation of 0.18 begin with our first step.

    Its users had Alembic write their own first revision, under a name of its own.
    The first step makes only the tables that are missing.
    """
    if not sa.inspect(connection).has_table("alembic_version"):
        return
    ours = {
        step.revision
        for step in ScriptDirectory.from_config(context.config).walk_revisions()
    }
    version = sa.table("alembic_version", sa.column("version_num"))
    connection.execute(version.delete().where(version.c.version_num.not_in(ours)))


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Return whether Alembic is to compare something in the database with the models.

    The text index, JSON, and what keeps long columns unique, are in no model.
    """
    if kind == "table":
        return not (name or "").startswith((TEXT_INDEX_PREFIX, DATASET_JSON))
    return not (name or "").endswith(SUFFIXES)


def is_of_this_database(
    thing: Any, _name: str | None, _kind: str, reflected: bool, _other: Any
) -> bool:
    """Return whether Alembic is to look for something of the models."""
    is_index = isinstance(thing, sa.Index) and not reflected
    return not is_index or is_on(thing, extension.db.engine.dialect)


def keep_empty_revisions_out(
    _context: Any, _revision: Any, directives: list[Any]
) -> None:
    """Write no revision where the models and the database agree."""
    autogenerates = getattr(context.config.cmd_opts, "autogenerate", False)
    if autogenerates and directives and directives[0].upgrade_ops.is_empty():
        directives.clear()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
