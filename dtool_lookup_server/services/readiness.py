"""Readiness: whether everything is there that requests need."""

from flask import current_app

from ..extensions import sql_db
from ..migrating import BEHIND, NOT_FILLED, UNFINISHED, standing
from . import info

OK = "ok"


def checks() -> dict[str, str]:
    """Return OK, or what is wrong, for each store, the migrations and the key."""
    failing = info.failing_stores()
    stores = {
        name: "does not answer" if name in failing else OK
        for name in info.store_checks()
    }
    return {
        **stores,
        "the migrations": _migrations(info.DATABASE not in failing),
        "the key": OK if current_app.config["JWT_PUBLIC_KEY"] else "is not there",
    }


def _migrations(database_answers: bool) -> str:
    if not database_answers:
        return "cannot be looked at"
    # Tables that a newer version has made ready serve this one too.
    remedies = {BEHIND: "run `db upgrade`", UNFINISHED: NOT_FILLED}
    return remedies.get(standing(sql_db.session.connection()), OK)
