"""A Flask route that does nothing but answer ten rows: what there is to reach."""

from flask import Flask, Response, jsonify

from .operations import ten_rows

_ROWS = ten_rows()

app = Flask(__name__)


@app.get("/")
def rows() -> Response:
    """Answer ten rows."""
    return jsonify(_ROWS)
