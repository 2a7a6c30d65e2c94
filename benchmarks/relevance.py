"""How well the order of hits is what people expect: nDCG over judged queries."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.services import base_uris, registering, search
from tests.databases import empty_database
from tests.mongod import Mongod

from .judged import BASE_URI, QUERIES, Judged, datasets

#: Hits that are looked at, as many as a page has.
PAGE = 10

STORES = ("sqlite", "postgresql", "mariadb", "mongo")


def ndcg(names: list[str], worth: dict[str, int]) -> float:
    """Return how near an order is to the best one: 1 is the best, 0 finds nothing.

    The normalised discounted cumulative gain of a page (Järvelin and Kekäläinen, 2002,
    with gains of 2^worth - 1).

    :param names: of the hits, the best first; one that comes again does not count
    :param worth: of the names that should be found, 1 to 3
    """
    distinct = list(dict.fromkeys(names))[:PAGE]
    best = sorted(worth.values(), reverse=True)[:PAGE]
    return _gain([worth.get(name, 0) for name in distinct]) / _gain(best)


def _gain(worths: list[int]) -> float:
    return sum(
        (2**worth - 1) / math.log2(place + 2) for place, worth in enumerate(worths)
    )


def measured(store: str) -> list[tuple[Judged, float, list[str]]]:
    """Return of each query its nDCG, and the names that a store found, in order.

    :param store: one of STORES
    """
    with _filled(store):
        found = [(judged, _names(judged.query)) for judged in QUERIES]
    return [(judged, ndcg(names, judged.worth), names) for judged, names in found]


def _names(query: str) -> list[str]:
    rows = search.search(None, {"free_text": query}).page(0, PAGE)
    return [row["name"] for row in rows]


@contextmanager
def _filled(store: str) -> Iterator[None]:
    """Make a server with the judged datasets in a store, for as long as it takes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = "sqlite" if store == "mongo" else store
        url = stack.enter_context(empty_database(database, folder))
        config: dict[str, Any] = {
            "DTOOL_LOOKUP_SERVER_HOME": str(folder),
            "SQLALCHEMY_DATABASE_URI": url,
            "SEARCH_PLUGIN": "sql",
            "RETRIEVE_PLUGIN": "sql",
        }
        if store == "mongo":
            mongod = Mongod(folder / "mongo")
            stack.callback(mongod.stop)
            mongod.start()
            config |= {"SEARCH_PLUGIN": "mongo", "SEARCH_MONGO_URI": mongod.uri}
        with create_app(config).app_context():
            sql_db.create_all()
            base_uris.register(BASE_URI)
            for info in datasets():
                registering.register(info)
            yield
            sql_db.session.remove()
            sql_db.engine.dispose()
