"""/metrics: what Prometheus is told, at a port that does nothing else."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.errors import ConfigurationError
from dtool_lookup_server.watching import metrics
from tests.conftest import add_corpus, add_people, make_config, open_app
from tests.corpus import DATASETS, SNOW_WHITE
from tests.operation.processes import free_port, get, gunicorn


@pytest.fixture(scope="module")
def server(tmp_path_factory, keys, headers):
    """Two workers with datasets: the URLs of the server and of its metrics."""
    home = tmp_path_factory.mktemp("metrics")
    with open_app(make_config(home, keys)) as app:
        add_people(app)
        add_corpus(app, headers("librarian"))
    port = free_port()
    settings = {
        "DTOOL_LOOKUP_SERVER_HOME": str(home),
        "JWT_PUBLIC_KEY": keys.public,
        "METRICS_PORT": str(port),
    }
    with gunicorn(home, **settings) as url:
        yield url, f"http://127.0.0.1:{port}"


def samples(url):
    """Return the value of each sample: {(name, labels): value}."""
    _status, _headers, text = get(f"{url}/metrics")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def key(name, **labels):
    return name, tuple(sorted(labels.items()))


def test_requests_of_all_workers_are_counted(server, grumpy):
    url, metrics_url = server
    counted = key(
        "dtool_lookup_requests_total", method="GET", route="/me", status="200"
    )
    before = samples(metrics_url).get(counted, 0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: get(f"{url}/me", grumpy), range(40)))
    for _ in range(4):
        assert samples(metrics_url)[counted] == before + 40


def test_refusals_are_counted_by_their_status(server):
    url, metrics_url = server
    get(f"{url}/me")
    refused = key(
        "dtool_lookup_requests_total", method="GET", route="/me", status="401"
    )
    assert samples(metrics_url)[refused] >= 1


def test_the_time_of_requests_and_of_their_stores(server, grumpy):
    url, metrics_url = server
    get(f"{url}/dataset/list", grumpy)
    found = samples(metrics_url)
    labels = {"method": "GET", "route": "/dataset/list"}
    total = found[key("dtool_lookup_request_seconds_sum", **labels)]
    in_sql = found[key("dtool_lookup_store_seconds_sum", store="sql", **labels)]
    assert 0 < in_sql < total


def test_datasets_and_bytes_of_each_base_uri(server):
    found = samples(server[1])
    here = [info for info in DATASETS if info["base_uri"] == SNOW_WHITE]
    labels = {"base_uri": SNOW_WHITE}
    assert found[key("dtool_lookup_datasets", **labels)] == len(here)
    size = sum(info.get("size_in_bytes") or 0 for info in here)
    assert found[key("dtool_lookup_dataset_bytes", **labels)] == size


def test_stores_that_answer(server):
    assert samples(server[1])[key("dtool_lookup_store_up", store="the database")] == 1


def test_nothing_else_is_at_the_port_of_the_metrics(server):
    assert get(f"{server[1]}/config/versions")[0] == 404


@pytest.mark.parametrize("forged", [False, True])
def test_the_metrics_are_at_no_other_port(server, forged):
    host = re.sub("^http://", "", server[1])
    headers = {"Host": host, "X-Forwarded-Host": host} if forged else {}
    assert get(f"{server[0]}/metrics", headers)[0] == 404


def test_a_database_that_is_away_is_a_metric_too(app):
    with app.app_context():
        sql_db.drop_all()
    found = {
        (sample.name, sample.labels.get("store")): sample.value
        for family in metrics.Contents(app).collect()
        for sample in family.samples
    }
    assert found["dtool_lookup_store_up", "the database"] == 0


def test_there_are_no_metrics_unless_asked_for(client):
    assert client.get("/metrics").status_code == 404


def test_the_extra_is_named_where_it_is_missing(config, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigurationError, match=r"\[metrics\]"):
        create_app(config | {"METRICS_PORT": 9464})
