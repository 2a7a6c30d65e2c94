"""Whether all that the server tells of its datasets agrees."""

import uuid
from collections import Counter
from urllib.parse import quote

from sqlalchemy import insert, select

from dtool_lookup_server import sql_db
from dtool_lookup_server.sql_models import BaseURI, User, search_permissions
from dtool_lookup_server.utils import register_users


def add_auditor(app):
    """Add a user who may search every base URI, and return the user's name."""
    name = f"auditor-{uuid.uuid4()}"
    with app.app_context():
        register_users([{"username": name}])
        user_id = sql_db.session.scalar(select(User.id).where(User.username == name))
        for base_uri_id in sql_db.session.scalars(select(BaseURI.id)).all():
            row = {"user_id": user_id, "base_uri_id": base_uri_id}
            sql_db.session.execute(insert(search_permissions).values(row))
        sql_db.session.commit()
    return name


def every_row(client, headers, method, path, **options):
    """Return all pages of a list."""
    rows, page = [], 1
    while True:
        query = {"page": page, "page_size": 100}
        response = client.open(
            path, method=method, headers=headers, query_string=query, **options
        )
        assert response.status_code == 200, response.text
        if not response.json:
            return rows
        rows += response.json
        page += 1


def assert_all_agree(app, headers):
    """Fail unless list, search, summary, lookup and the readers tell the same.

    :param headers: makes the headers of a user's requests
    :returns: the URIs of the datasets
    """
    client, auditor = app.test_client(), headers(add_auditor(app))
    rows = every_row(client, auditor, "GET", "/dataset/list")
    uris = [row["uri"] for row in rows]
    assert len(uris) == len(set(uris))
    assert every_row(client, auditor, "POST", "/dataset/search", json={}) == rows
    assert sorted(row["uri"] for row in every_row(client, auditor, "GET", "/uris")) == (
        sorted(uris)
    )

    summary = client.get("/dataset/summary", headers=auditor).json
    assert summary["number_of_datasets"] == len(rows)
    for facet, key in (("creator", "creator_username"), ("base_uri", "base_uri")):
        assert summary[f"datasets_per_{facet}"] == Counter(row[key] for row in rows)
    tags = Counter(tag for row in rows for tag in row["tags"])
    assert summary["datasets_per_tag"] == tags

    for row in rows:
        found = every_row(client, auditor, "GET", f"/dataset/lookup/{row['uuid']}")
        assert row in found
        for reader in ("readme", "manifest", "annotations"):
            body = {"uri": row["uri"]}
            old = client.post(f"/dataset/{reader}", json=body, headers=auditor)
            path = f"/{reader.rstrip('s')}s/{quote(row['uri'], safe='')}"
            new = client.get(path, headers=auditor)
            assert (old.status_code, new.status_code) == (200, 200)
            assert old.json == (new.json if reader == "manifest" else new.json[reader])
        query = {"free_text": row["uuid"]}
        hits = every_row(client, auditor, "POST", "/dataset/search", json=query)
        assert row in hits
    return uris
