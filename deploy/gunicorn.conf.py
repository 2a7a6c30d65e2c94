"""gunicorn for the lookup server: gunicorn --config gunicorn.conf.py

What differs between installations comes from the environment, or from a .env file:

BIND             where to listen; 127.0.0.1:5000
WEB_CONCURRENCY  number of worker processes; twice the number of cores, at most 8
METRICS_PORT     where Prometheus is answered, at METRICS_HOST (127.0.0.1); not at all

Any of gunicorn's own settings can be given in GUNICORN_CMD_ARGS and wins over these.
"""

import gc
import os
import shutil
import signal
import tempfile

from flask.cli import load_dotenv

load_dotenv()

wsgi_app = "dtool_lookup_server:create_app()"
bind = [os.environ.get("BIND", "127.0.0.1:5000")]
workers = int(os.environ.get("WEB_CONCURRENCY", min(2 * (os.cpu_count() or 1), 8)))
# Threads wait for the databases while others work; each uses a connection of the pool.
worker_class = "gthread"
threads = 4

# Longer than the server waits for a statement (SQL_STATEMENT_TIMEOUT), so that it can
# still say so itself.
timeout = 120
graceful_timeout = 60
# A little longer than nginx keeps its connections.
keepalive = 75

# The libraries are loaded once, and their memory is shared.
preload_app = True
# Whatever leaks in a library has an end, and not in all workers at once.
max_requests = 20_000
max_requests_jitter = 2_000

# The URI of a dataset is a part of the path, and may be long.
limit_request_line = 8190
# A heartbeat must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None

# Who may stop and start it is for systemd, or for what runs the container, to say;
# versions of gunicorn before 25.1 open no such socket, and pass over this.
control_socket_disable = True

# The server writes a line for each request itself.
accesslog = None
errorlog = "-"
loglevel = "warning"

if os.environ.get("METRICS_PORT"):
    host = os.environ.get("METRICS_HOST", "127.0.0.1")
    bind.append(f"{host}:{os.environ['METRICS_PORT']}")
    # Before the application is loaded: prometheus_client looks for it when imported.
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        metrics_folder = tempfile.mkdtemp(prefix="lookup-metrics-")
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics_folder

        def on_exit(server):
            """Remove what the workers have counted."""
            shutil.rmtree(metrics_folder, ignore_errors=True)


def when_ready(server):
    """Leave what is loaded alone, which no collection of garbage ever frees.

    To look through it would take time, and a copy of it in each worker.
    """
    gc.collect()
    gc.freeze()


def post_fork(server, worker):
    """Let a worker open connections of its own, and end where it is told to.

    Until a worker sets handlers of its own it has that of the main process, which
    only notes a signal: gunicorn would wait for it until graceful_timeout.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    from dtool_lookup_server import sql_db

    with worker.app.callable.app_context():
        sql_db.engine.dispose(close=False)
