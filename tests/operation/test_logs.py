"""Logs: a line for each request, which says nothing of what users wrote."""

import json
import logging
import re
import subprocess
import sys

import pytest
from flask import g

from dtool_lookup_server import sql_db
from dtool_lookup_server.watching import logs
from dtool_lookup_server.watching.logs import JSONLines, TextLines, configure_logs
from tests.corpus import SNOW_WHITE, dataset_info, uuid_of

SECRETS = ("open-sesame", "only-in-the-readme", "only-in-the-query")


@pytest.fixture
def lines(app, caplog):
    """The lines that are written: lines() as dictionaries."""
    caplog.set_level(logging.INFO, logger="dtool_lookup_server")
    return lambda: [json.loads(JSONLines().format(record)) for record in caplog.records]


@pytest.fixture
def last(lines):
    """The last line on a request."""
    return lambda: [
        line for line in lines() if line["logger"] == "dtool_lookup_server.requests"
    ][-1]


# A line for each request


def test_a_request_is_a_line(client, grumpy, last):
    response = client.get("/dataset/list", headers=grumpy)
    line = last()
    assert line["message"] == "GET /dataset/list 200"
    assert line["user"] == "grumpy"
    assert (line["method"], line["route"]) == ("GET", "/dataset/list")
    assert line["status"] == 200
    assert line["milliseconds"] >= line["stores"]["sql"] >= 0
    assert line["request_id"] == response.headers["X-Request-ID"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])


def test_a_route_is_a_pattern(client, grumpy, last):
    client.get(f"/dataset/lookup/{uuid_of('apple-harvest')}", headers=grumpy)
    assert last()["route"] == "/dataset/lookup/<uuid>"


@pytest.mark.parametrize(
    "path", ["/no/such/open-sesame", "/dataset/list?x=open-sesame"]
)
def test_what_a_client_made_up_is_in_no_line(client, lines, path):
    client.get(path, headers={"Authorization": "Bearer open-sesame"})
    assert "open-sesame" not in json.dumps(lines())


def test_nothing_that_users_write_is_in_a_line(client, grumpy, lines):
    info = dataset_info("fine", SNOW_WHITE, readme="only-in-the-readme: 1")
    client.post("/dataset/register", json=info, headers=grumpy)
    client.post("/dataset/register", json={"readme": SECRETS[1]}, headers=grumpy)
    query = {"free_text": "only-in-the-query"}
    client.post("/dataset/search", json=query, headers=grumpy)
    client.get("/uris?free_text=only-in-the-query", headers=grumpy)
    client.post("/token", json={"username": "grumpy", "password": "open-sesame"})
    written = json.dumps(lines())
    for secret in (*SECRETS, grumpy["Authorization"].removeprefix("Bearer ")):
        assert secret not in written


def test_an_error_is_logged_with_its_trace_and_without_its_words(app, client, lines):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/fails", "fails", lambda: int("only-in-the-query"))
    assert client.get("/fails").status_code == 500
    line = next(line for line in lines() if "error" in line)
    assert line["error"] == "ValueError"
    assert any("test_logs.py" in frame for frame in line["trace"])
    assert "only-in-the-query" not in json.dumps(lines())


def test_the_words_of_an_error_are_for_debugging(app, client, lines, caplog):
    caplog.set_level(logging.DEBUG, logger="dtool_lookup_server")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/fails", "fails", lambda: int("seven"))
    client.get("/fails")
    assert "invalid literal" in json.dumps(lines())


# Request ids


@pytest.mark.parametrize("given", ["a", "4f2e-77", "x" * 128, "Trace_1.2"])
def test_a_well_formed_id_is_taken_over(client, last, given):
    response = client.get("/config/health", headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] == given == last()["request_id"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, '","level":"', "é"])
def test_another_id_is_replaced(client, given):
    headers = {"X-Request-ID": given}
    first, second = (
        client.get("/config/health", headers=headers).headers["X-Request-ID"]
        for _ in range(2)
    )
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize("path", ["/no/such/path", "/dataset/list", "/"])
def test_every_answer_has_an_id(client, path):
    assert client.get(path).headers["X-Request-ID"]


# Slow queries


@pytest.fixture
def config(config):
    """Settings with which every statement counts as slow."""
    return config | {"SLOW_QUERY_MILLISECONDS": 0}


def test_a_slow_statement_is_a_line(client, grumpy, lines):
    query = {"free_text": "only-in-the-query"}
    client.post("/dataset/search", json=query, headers=grumpy)
    slow = [line for line in lines() if line["message"] == "Slow: sql"]
    assert any("FROM dataset" in line["call"] for line in slow)
    assert all(line["level"] == "WARNING" for line in slow)
    assert "only-in-the-query" not in json.dumps(slow)


def test_the_literals_of_a_statement_are_in_no_line(app, lines):
    with app.app_context():
        sql_db.session.execute(sql_db.text("SELECT 'open-''sesame', 1"))
    assert lines()[-1]["call"] == "SELECT '...', 1"


# For people


def record_of(message, **fields):
    record = logging.LogRecord("name", logging.INFO, "", 0, message, (), None)
    record.fields = fields
    return record


def test_a_line_for_people(app):
    with app.test_request_context():
        g.request_id = "7"
        text = TextLines().format(record_of("GET / 200", user=None, milliseconds=3.2))
    assert text.endswith("INFO GET / 200 logger=name milliseconds=3.2 request_id=7")


def test_a_line_stays_one_line(app):
    assert "\n" not in TextLines().format(record_of("one\nINFO two\x1b[2J"))
    assert "\n" not in JSONLines().format(record_of("one\nINFO two"))


def test_a_program_with_logs_of_its_own_keeps_them(monkeypatch):
    handlers = [logging.NullHandler()]
    monkeypatch.setattr(logging.getLogger(), "handlers", handlers)
    configure_logs({"LOG_LEVEL": "INFO", "LOG_FORMAT": None})
    assert handlers == logging.getLogger().handlers
    assert len(handlers) == 1


def log_seen_here_alone(monkeypatch):
    """Return the logger of requests, whose lines nobody but this server would see."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    configure_logs({"LOG_LEVEL": "INFO", "LOG_FORMAT": "json"})
    return logging.getLogger("dtool_lookup_server.requests")


def passed_on(log, monkeypatch):
    """Return how many records are made of two lines."""
    records = []
    monkeypatch.setattr(log, "handle", records.append)
    for number in range(2):
        logs.write(log, "GET / 200", {"number": number})
    return len(records)


def test_a_line_that_nobody_else_sees_is_written_as_its_record_would_be(
    capsys, monkeypatch
):
    log = log_seen_here_alone(monkeypatch)
    fields = {"route": "/", "stores": {"sql": 0.1}}
    logs.write(log, "GET / 200", fields)
    monkeypatch.setattr(logs, "_goes_here_alone", lambda _log: False)
    logs.write(log, "GET / 200", fields)
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first.pop("time") <= second.pop("time")
    assert first == second | fields
    assert first["logger"] == "dtool_lookup_server.requests"


def test_no_record_is_made_that_nobody_else_sees(monkeypatch):
    assert passed_on(log_seen_here_alone(monkeypatch), monkeypatch) == 0


def _handler(log):
    log.addHandler(logging.NullHandler())


def _filter(log):
    log.addFilter(bool)


def _no_propagation(log):
    log.propagate = False


def _factory(_log):
    logging.setLogRecordFactory(lambda *args, **kwargs: logging.LogRecord(*args))


@pytest.mark.parametrize("take_part", [_handler, _filter, _no_propagation, _factory])
def test_who_takes_part_in_logging_sees_each_record(monkeypatch, take_part):
    log = log_seen_here_alone(monkeypatch)
    for name in ("handlers", "filters"):
        monkeypatch.setattr(log, name, [])
    monkeypatch.setattr(log, "propagate", True)
    factory = logging.getLogRecordFactory()
    try:
        take_part(log)
        assert passed_on(log, monkeypatch) == 2
    finally:
        logging.setLogRecordFactory(factory)


def test_lines_go_to_standard_error(tmp_path, monkeypatch):
    monkeypatch.setenv("DTOOL_LOOKUP_SERVER_HOME", str(tmp_path))
    code = (
        "from dtool_lookup_server import create_app;"
        "create_app().test_client().get('/config/versions')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert [json.loads(line)["route"] for line in done.stderr.splitlines()] == [
        "/config/versions"
    ]
    assert done.stdout == ""
