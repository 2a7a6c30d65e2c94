"""Parts of words are found with what each database has for it, or without."""

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.query import Part
from dtool_lookup_server.services import base_uris, parts, registering, spelling
from dtool_lookup_server.sql_models import Dataset, DatasetPart
from tests.conftest import make_config, register_together
from tests.corpus import dataset_info, manifest_of
from tests.databases import connected, empty_database

BASE_URI = "s3://bucket"


@pytest.fixture
def context(app):
    """An application context, and one base URI."""
    with app.app_context():
        base_uris.register(BASE_URI)
        yield app


def register(name, *paths, **fields):
    info = dataset_info(name, BASE_URI, manifest=manifest_of(*paths), **fields)
    return registering.register(info)


def hits(text, field=None):
    """Return the names of the datasets that have a part."""
    match = parts.match(Part(field, text))
    return set(sql_db.session.scalars(sa.select(Dataset.name).where(match.condition)))


def plan_of(text):
    """Return how the database finds a part in names."""
    statement = sa.select(Dataset.id).where(parts.match(Part("name", text)).within)
    compiled = statement.compile(
        sql_db.engine,
        compile_kwargs={"literal_binds": True, "render_postcompile": True},
    )
    explain = {"sqlite": "EXPLAIN QUERY PLAN"}.get(
        sql_db.engine.dialect.name, "EXPLAIN"
    )
    sql = str(compiled).replace("%%", "%")
    rows = sql_db.session.execute(sa.text(f"{explain} {sql}"))
    return " ".join(str(row) for row in rows)


def test_what_is_replaced_or_forgotten_is_not_found(context):
    uri = register("pineapple", "orchard/red.tif", tags=["fruity"])
    assert hits("neapp") == hits("rchar") == hits("ruit", "tag") == {"pineapple"}
    registering.register(
        dataset_info("pineapple", BASE_URI, uri=uri, manifest=manifest_of("x.tif"))
    )
    assert hits("rchar") == hits("ruit", "tag") == set()
    registering.forget(uri)
    assert hits("neapp") == set()
    assert (
        sql_db.session.scalar(sa.select(sa.func.count()).select_from(DatasetPart)) == 0
    )


def test_items_that_take_many_rows_are_found_by_each(context, monkeypatch):
    monkeypatch.setattr("dtool_lookup_server.plugins.parts.ROW_CHARACTERS", 1_000)
    register("many", *(f"folder{n}/file-{n:04}.txt" for n in range(300)))
    register("few", "folder1/file-9999.txt")
    rows = sa.select(sa.func.count()).select_from(DatasetPart)
    assert sql_db.session.scalar(rows) > 5
    for number in range(0, 300, 7):
        assert hits(f"ile-{number:04}.t") == {"many"}
    assert hits("der299/file") == {"many"}
    assert hits("older0*-9999") == set()


@pytest.mark.parametrize("number", [1, 2, 4, 21, 85])
def test_each_of_a_group_has_its_own(context, number):
    infos = [dataset_info(f"group-{n:03}-of", BASE_URI) for n in range(number)]
    register_together(infos)
    for place in range(number):
        assert hits(f"oup-{place:03}-o") == {f"group-{place:03}-of"}


def test_the_index_finds_them_where_there_is_one(context):
    register("pineapple")
    if sql_db.engine.dialect.name == "sqlite":
        assert "dataset_text_parts VIRTUAL TABLE INDEX" in plan_of("neapp")
    if sql_db.engine.dialect.name == "postgresql":
        # Of a few rows it would rather read all.
        sql_db.session.execute(sa.text("SET LOCAL enable_seqscan = off"))
        sql_db.session.execute(sa.text("SET LOCAL enable_indexscan = off"))
        assert "ix_dataset_part_parts" in plan_of("neapp")


def test_an_upgrade_fills_in_what_was_registered_before(context, runner):
    sql_db.drop_all()
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0
    base_uris.register(BASE_URI)
    register("pineapple", "orchard/red.tif", tags=["fruity"])
    register("other")
    sql_db.session.remove()
    for step in (("downgrade", "0010"), ("upgrade",)):
        result = runner.invoke(args=["db", *step])
        assert result.exit_code == 0, result.output
    assert hits("neapp") == hits("rchar") == hits("ruit", "tag") == {"pineapple"}
    assert hits("s3:") == {"pineapple", "other"}
    for typed, word in (("pineaple", "pineapple"), ("frutiy", "fruity")):
        assert spelling.did_you_mean(None, {"free_text": typed}, 0) == [word]
    assert spelling.did_you_mean(None, {"free_text": "orchad"}, 0) == ["orchard"]


@pytest.fixture
def limited(tmp_path, keys):
    """An app on PostgreSQL whose user may make tables, and no extension."""
    with empty_database("postgresql", tmp_path) as administrators:
        url = sa.make_url(administrators)
        role = url.database
        with connected(url) as connection:
            connection.execute(sa.text(f"CREATE ROLE {role} LOGIN"))
            connection.execute(sa.text(f"GRANT ALL ON SCHEMA public TO {role}"))
        own = url.set(username=role).render_as_string(hide_password=False)
        app = create_app(make_config(tmp_path, keys, own))
        with app.app_context():
            yield app
            sql_db.session.remove()
            sql_db.engine.dispose()
        with connected(url) as connection:
            connection.execute(sa.text(f"DROP OWNED BY {role}"))
            connection.execute(sa.text(f"DROP ROLE {role}"))


def test_a_user_who_may_install_nothing_finds_the_same(limited):
    result = limited.test_cli_runner().invoke(args=["db", "upgrade"])
    assert result.exit_code == 0, result.output
    installed = sa.text("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'")
    assert sql_db.session.scalar(installed) == 0
    base_uris.register(BASE_URI)
    register("pineapple", "orchard/red.tif")
    assert hits("neapp") == hits("rchar") == {"pineapple"}
    assert hits("zzz") == set()
