"""A real server on the loopback address, for clients that speak HTTP."""

import threading
from contextlib import contextmanager

from werkzeug.serving import make_server


@contextmanager
def serve(app, request_handler=None):
    """Give the URL of an application that listens, and stop it in the end.

    :param request_handler: a class in place of werkzeug's own
    """
    server = make_server(
        "127.0.0.1", 0, app, threaded=True, request_handler=request_handler
    )
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
