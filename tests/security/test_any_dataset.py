"""Registering anything: what is kept is what was sent, and what is refused is nowhere.

A bounded run; for a longer one, HOSTILE_EXAMPLES says how many datasets there are.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import make_config, open_app, open_database
from tests.corpus import dataset_info, manifest_of, uri_of
from tests.security.agreement import assert_all_agree
from tests.security.test_access import contents, fill

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "40"))

# Whole numbers are what each JSON library keeps.
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, width=32)
TEXTS = st.text(max_size=40) | st.sampled_from(
    ["\0", "\x1b[2J", "\u202e", "' OR 1=1 --", "a NEAR/2 b*", "$gt", "<script>", "𝔘"]
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)
#: What may be in a field, and now and then what may not.
FIELDS = {
    "readme": TEXTS,
    "annotations": st.dictionaries(TEXTS, JSON, max_size=3),
    "tags": st.lists(TEXTS, max_size=3),
    "name": TEXTS,
    "creator_username": TEXTS,
    "frozen_at": NUMBERS,
    "created_at": NUMBERS,
    "number_of_items": NUMBERS,
    "size_in_bytes": NUMBERS,
    "manifest": st.lists(TEXTS, max_size=3).map(lambda paths: manifest_of(*paths)),
}
DATASETS = st.fixed_dictionaries({}, optional=FIELDS)


@pytest.fixture(scope="module")
def app(tmp_path_factory, keys, shelf):
    """An app of this module's own, where anything may be kept."""
    home = tmp_path_factory.mktemp("any")
    with (
        open_database(home, shelf) as url,
        open_app(make_config(home, keys, url)) as app,
    ):
        fill(app)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        yield app


@given(name=st.sampled_from(["one", "two", "three"]), fields=DATASETS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="HOSTILE_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
def test_a_dataset_is_kept_as_it_is_or_refused(app, grumpy, name, fields):
    client = app.test_client()
    before = contents(app)
    info = dataset_info(name) | fields
    response = client.post("/dataset/register", json=info, headers=grumpy)
    if response.status_code != 201:
        assert response.status_code in (400, 409, 422), response.text
        assert contents(app) == before
        return
    for part in ("readme", "manifest", "annotations"):
        body = {"uri": info["uri"]}
        told = client.post(f"/dataset/{part}", json=body, headers=grumpy)
        assert told.json == info[part]
    row = client.get(f"/uris/{uri_of(name)}", headers=grumpy).json
    for key in ("name", "creator_username", "number_of_items", "size_in_bytes"):
        assert row[key] == info[key]
    assert row["tags"] == list(dict.fromkeys(info["tags"]))


def test_what_is_left_agrees(app, headers):
    """After all that was sent before."""
    assert_all_agree(app, headers)
