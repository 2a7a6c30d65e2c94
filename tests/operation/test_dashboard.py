"""The Grafana dashboard asks for metrics that there are."""

import json
import re
from pathlib import Path

import pytest

from dtool_lookup_server.watching.metrics import Contents, Metrics

DASHBOARD = json.loads(
    (Path(__file__).parents[2] / "deploy/grafana/dashboard.json").read_text()
)
PANELS = DASHBOARD["panels"]


@pytest.fixture
def names(app):
    """The names of all metrics that the server has."""
    families = [*Metrics().registry.collect(), *Contents(app).collect()]
    suffixes = ("", "_total", "_bucket", "_sum", "_count")
    return {family.name + suffix for family in families for suffix in suffixes}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_shows_metrics_of_the_server(names, panel):
    for target in panel["targets"]:
        asked = set(re.findall(r"dtool_lookup_\w+", target["expr"]))
        assert asked
        assert asked <= names


def test_every_panel_has_a_place_of_its_own():
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(PANELS)
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
