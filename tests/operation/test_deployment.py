"""deploy/: what an admin copies works as it stands."""

import json
import os
import re
import shlex
import shutil
import ssl
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import request

from dtool_lookup_server.config import SETTINGS
from dtool_lookup_server.plugins.mongo.settings import RETRIEVE, SEARCH, settings_of
from tests.conftest import add_people, make_config, open_app
from tests.operation.processes import (
    DEPLOY,
    GUNICORN,
    REPOSITORY,
    free_port,
    get,
    gunicorn,
    program,
    running,
    starting_gunicorn,
    wait_for,
)

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
NAMES = {s.name for s in (*SETTINGS, *settings_of(SEARCH), *settings_of(RETRIEVE))}


@pytest.fixture(scope="module")
def home(tmp_path_factory, keys):
    """A home folder with a database in it, and people in that."""
    home = tmp_path_factory.mktemp("home")
    with open_app(make_config(home, keys)) as app:
        add_people(app)
    return home


@pytest.fixture(scope="module")
def server(home, keys):
    """The URL of a server as gunicorn.conf.py runs it."""
    settings = {"DTOOL_LOOKUP_SERVER_HOME": str(home), "JWT_PUBLIC_KEY": keys.public}
    with gunicorn(home, TRUSTED_PROXIES="1", **settings) as url:
        yield url


# gunicorn


def test_gunicorn_serves_with_its_settings(server, grumpy):
    status, _headers, text = get(f"{server}/me", grumpy)
    assert (status, json.loads(text)["username"]) == (200, "grumpy")


def test_a_long_uri_is_a_path_that_gunicorn_takes(server, grumpy):
    status, _headers, _text = get(f"{server}/tags/s3%3A%2F%2Fb%2F{'x' * 6000}", grumpy)
    assert status in (403, 404)


def test_gunicorn_reads_a_dotenv_file(tmp_path, keys):
    (tmp_path / ".env").write_text("API_TITLE=From the file\n")
    home = {"DTOOL_LOOKUP_SERVER_HOME": str(tmp_path), "JWT_PUBLIC_KEY": keys.public}
    with gunicorn(tmp_path, **home) as url:
        document = json.loads(get(f"{url}/doc/openapi.json")[2])
    assert document["info"]["title"] == "From the file"


def test_gunicorn_opens_no_socket_to_be_controlled_by():
    command = [sys.executable, "-m", "gunicorn", "--print-config", "-c"]
    done = subprocess.run(
        [*command, GUNICORN],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"^preload_app +=", done.stdout, re.M)
    # Versions before 25.1 have none.
    assert not re.search(r"^control_socket_disable += False", done.stdout, re.M)


def test_gunicorn_opens_the_port_of_the_metrics(tmp_path, keys):
    port = free_port()
    home = {"DTOOL_LOOKUP_SERVER_HOME": str(tmp_path), "JWT_PUBLIC_KEY": keys.public}
    with gunicorn(tmp_path, METRICS_PORT=str(port), **home) as url:
        status, _headers, text = get(f"http://127.0.0.1:{port}/metrics")
        assert get(f"{url}/metrics")[0] == 404
    assert status == 200
    assert 'route="/config/versions"' in text


def test_gunicorn_ends_while_a_worker_begins(tmp_path, keys):
    configuration = tmp_path / "gunicorn.conf.py"
    configuration.write_text(
        f"""
import pathlib, runpy, time
globals().update(runpy.run_path({str(GUNICORN)!r}))
begin = post_fork
def post_fork(server, worker):
    begin(server, worker)
    pathlib.Path("begun").touch()
    time.sleep(2)
"""
    )
    home = {"DTOOL_LOOKUP_SERVER_HOME": str(tmp_path), "JWT_PUBLIC_KEY": keys.public}
    with starting_gunicorn(tmp_path, configuration, WEB_CONCURRENCY="1", **home) as (
        process,
        _url,
    ):
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.05)


# .env


def test_commands_read_a_dotenv_file(tmp_path):
    (tmp_path / ".env").write_text(f"DTOOL_LOOKUP_SERVER_HOME={tmp_path}/home\n")
    command = [sys.executable, "-m", "dtool_lookup_server", "config", "show"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    shown = json.loads(done.stdout)
    assert shown["dtool_lookup_server_home"] == f"{tmp_path}/home"


# Secrets from files


def test_a_secret_may_be_in_a_file(tmp_path, keys, monkeypatch):
    (tmp_path / "uri").write_text(f"sqlite:///{tmp_path}/filed.db\n")
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI_FILE", str(tmp_path / "uri"))
    config = make_config(tmp_path, keys)
    del config["SQLALCHEMY_DATABASE_URI"]
    with open_app(config) as app:
        assert app.config["SQLALCHEMY_DATABASE_URI"].endswith("/filed.db")


def test_a_file_of_a_secret_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("DTOOL_LOOKUP_SERVER_HOME", str(tmp_path))
    command = [sys.executable, "-m", "dtool_lookup_server", "config", "show"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SECRET_KEY_FILE" in done.stderr
    assert "Traceback" not in done.stderr


# Proxies


@pytest.fixture
def address_of(config):
    """Return the address that a server takes a forwarded request for."""

    def ask(**settings):
        with open_app(config | settings) as app:
            seen = []
            app.before_request(lambda: seen.append(_seen()))
            headers = {
                "X-Forwarded-For": "203.0.113.7",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "lookup.example.org",
            }
            app.test_client().get("/config/versions", headers=headers)
        return seen[0]

    return ask


def _seen():
    return request.remote_addr, request.url_root


def test_nobody_is_believed_what_is_forwarded(address_of):
    assert address_of() == ("127.0.0.1", "http://localhost/")


def test_proxies_are_believed_where_there_are_any(address_of):
    expected = ("203.0.113.7", "https://lookup.example.org/")
    assert address_of(TRUSTED_PROXIES=1) == expected


# nginx


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "lookup.crt").write_bytes(made.public_bytes(pem))
    (folder / "lookup.key").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


@pytest.fixture(scope="module")
def nginx(tmp_path_factory, certificate, server):
    """Run nginx with deploy/nginx.conf: its ports for http and https."""
    nginx = program("nginx")
    folder = tmp_path_factory.mktemp("nginx")
    http, https = free_port(), free_port()
    site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for ours, theirs in {
        "/etc/ssl": str(certificate),
        "127.0.0.1:5000": server.removeprefix("http://"),
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen 443 ": f"listen 127.0.0.1:{https} ",
        "lookup.example.org": "localhost",
    }.items():
        assert ours in site
        site = site.replace(ours, theirs)
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr warn; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{site} }}\n"
    )
    command = [nginx, "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"]
    checked = subprocess.run(
        [*command, "-t"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    with running(command, stderr=subprocess.DEVNULL) as process:
        wait_for(f"http://127.0.0.1:{http}/", process)
        yield http, https


@pytest.fixture
def secure(nginx, certificate):
    """Ask through nginx: secure(path, headers)."""
    context = ssl.create_default_context(cafile=certificate / "lookup.crt")
    return lambda path, headers=None, **how: get(
        f"https://localhost:{nginx[1]}{path}", headers, context, **how
    )


def test_plain_http_goes_to_https(nginx):
    status, headers, _text = get(
        f"http://127.0.0.1:{nginx[0]}/me?a=1", {"Host": "localhost"}
    )
    assert status == 301
    assert headers["Location"] == "https://localhost/me?a=1"


def test_requests_go_through_nginx(secure, grumpy):
    status, headers, text = secure("/me", {**grumpy, "X-Request-ID": "mine-7"})
    assert (status, json.loads(text)["username"]) == (200, "grumpy")
    assert headers["X-Request-ID"] == "mine-7"
    assert "max-age" in headers["Strict-Transport-Security"]


def test_links_have_the_scheme_and_host_of_nginx(secure, nginx, grumpy):
    _status, headers, _text = secure("/uris?page_size=1", grumpy)
    for link in re.findall("<([^>]+)>", headers.get("Link", "")):
        assert not link.startswith("http://")
    assert f"127.0.0.1:{nginx[1]}" not in headers.get("Link", "")


def test_a_uri_in_a_path_reaches_the_server_as_it_was(secure, grumpy):
    path = f"/tags/s3%3A%2F%2Fsnow-white%2F{'%C3%A9' * 900}"
    assert secure(path, grumpy)[0] in (403, 404)


def test_a_body_that_is_too_large_ends_at_nginx(secure, grumpy):
    headers = {**grumpy, "Content-Length": str(300 * 2**20)}
    status, _headers, text = secure(
        "/dataset/register", headers, data=b"", method="POST"
    )
    assert status == 413
    assert "nginx" in text


def test_a_bulk_registration_may_be_larger(secure, grumpy):
    headers = {**grumpy, "Content-Type": "application/x-ndjson"}
    assert secure("/uris", headers, data=b"{}\n", method="PUT")[0] < 500


# systemd


@pytest.fixture
def unit(tmp_path):
    """The unit with the programs of this machine in it."""
    text = (DEPLOY / "lookup.service").read_text(encoding="utf-8")
    assert "/srv/lookup/venv/bin/" in text
    for name in ("dtool-lookup-server", "gunicorn"):
        text = text.replace(f"/srv/lookup/venv/bin/{name}", shutil.which("true"))
    path = tmp_path / "lookup.service"
    path.write_text(text)
    return path


def analyze(*arguments):
    return subprocess.run(
        [program("systemd-analyze"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_systemd_finds_nothing_wrong_with_the_unit(unit):
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_hardened(unit):
    # Tenths: up to 2.0 of 10, which systemd calls "ok", the best that a service with
    # a network can be.
    done = analyze("security", "--offline=true", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout


def test_the_timer_is_one_that_systemd_knows(unit, tmp_path):
    for name in ("lookup-index.service", "lookup-index.timer"):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        text = re.sub(r"/srv/lookup/venv/bin/\S+", shutil.which("true"), text)
        (tmp_path / name).write_text(text)
    done = analyze("verify", "--man=no", tmp_path / "lookup-index.timer")
    assert (done.returncode, done.stderr) == (0, "")


# Containers


def test_hadolint_finds_nothing_wrong_with_the_dockerfile():
    done = subprocess.run(
        [program("hadolint"), REPOSITORY / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_container_is_not_root_and_keeps_its_state_in_one_volume():
    users = re.findall(r"^USER (.+)$", DOCKERFILE, re.M)
    volumes = re.findall(r"^VOLUME (.+)$", DOCKERFILE, re.M)
    assert users and users[-1] not in ("root", "0")
    assert volumes == ["/var/lib/lookup"]
    assert f"DTOOL_LOOKUP_SERVER_HOME={volumes[0]}" in DOCKERFILE


@pytest.mark.parametrize("name", ["compose.postgresql.yaml", "compose.mongodb.yaml"])
def test_a_compose_file_names_what_there_is(name):
    compose = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    services, secrets = compose["services"], compose["secrets"]
    for setting in services["lookup"]["environment"]:
        assert setting.removesuffix("_FILE") in NAMES
    for service in services.values():
        assert set(service.get("secrets", ())) <= set(secrets)
        for value in service["environment"].values():
            if value.startswith("/run/secrets/"):
                assert value.rpartition("/")[2] in service["secrets"]
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in compose["volumes"]
    for secret in secrets.values():
        assert secret["file"].startswith("secrets/")


@pytest.mark.parametrize("name", ["compose.postgresql.yaml", "compose.mongodb.yaml"])
def test_a_database_that_is_being_set_up_is_not_healthy(name):
    services = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))["services"]
    [store] = services["lookup"]["depends_on"]
    asked = {"postgres": "--host=127.0.0.1", "mongo": "--host=mongo"}
    assert asked[store] in services[store]["healthcheck"]["test"]


def printed_commands(name):
    """Return the shell commands that a compose file's first lines tell to run."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    told = text.partition("make the secrets")[2].partition("\nservices:")[0]
    return "\n".join(re.findall(r"^#   (.+)$", told, re.M))


@pytest.mark.parametrize("name", ["compose.postgresql.yaml", "compose.mongodb.yaml"])
def test_the_secrets_are_for_the_container_and_nobody_else(name, tmp_path):
    # The file is mounted as it is, and is read by a user that this machine has not.
    subprocess.run(
        ["bash", "-euc", f"umask 022\n{printed_commands(name)}"],
        cwd=tmp_path,
        check=True,
    )
    folder = tmp_path / "deploy" / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    compose = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    for secret in compose["secrets"].values():
        path = tmp_path / "deploy" / secret["file"]
        assert path.read_text().strip()
        assert path.stat().st_mode & stat.S_IROTH


def test_secrets_stay_out_of_the_image():
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored.index("deploy/secrets") > ignored.index("!deploy")


def in_dockerfile(pattern):
    return re.search(f"^{pattern}$", DOCKERFILE, re.M)[1]


def test_the_steps_of_the_dockerfile_lead_to_a_server_that_is_healthy(
    installed, tmp_path
):
    config = tmp_path / "gunicorn.conf.py"
    in_container = "/etc/lookup/gunicorn.conf.py"
    shutil.copy(REPOSITORY / in_dockerfile(rf"COPY (\S+) {in_container}"), config)
    port = free_port()
    environment = {
        **os.environ,
        "DTOOL_LOOKUP_SERVER_HOME": str(tmp_path / "home"),
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": "1",
        "PYTHONPATH": str(installed),
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
    }
    start = json.loads(in_dockerfile(r"CMD (\[.*\])"))
    start = [part.replace(in_container, shlex.quote(str(config))) for part in start]
    probe = json.loads(in_dockerfile(r"\s+CMD (\[.*\])"))
    probe = [part.replace(":5000/", f":{port}/") for part in probe]

    def is_healthy():
        silent = {"stderr": subprocess.DEVNULL, "check": False}
        return subprocess.run(probe, env=environment, **silent).returncode == 0

    with running(start, env=environment, cwd=tmp_path) as process:
        assert not is_healthy()
        wait_for(f"http://127.0.0.1:{port}/config/health", process)
        assert is_healthy()
