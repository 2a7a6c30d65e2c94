"""The routes of the 0.18 API, each with a request that is well formed."""

from typing import Any, NamedTuple

from tests.corpus import SNOW_WHITE, dataset_info, uri_of, uuid_of


class Route(NamedTuple):
    """One line of the API's table."""

    method: str
    path: str
    rule: str
    json: Any = None

    def __str__(self):
        return f"{self.method} {self.rule}"

    def call(self, client, **options):
        """Send the route's well-formed request."""
        if self.json is not None:
            options.setdefault("json", self.json)
        return client.open(self.path, method=self.method, **options)


def get(rule, path=None):
    """Return a route that is read."""
    return Route("GET", path or rule, rule)


def post(rule, json):
    """Return a route that takes JSON."""
    return Route("POST", rule, rule, json)


LOOKUP = get("/dataset/lookup/<uuid>", f"/dataset/lookup/{uuid_of('apple-harvest')}")

DATASET_ROUTES = [
    get("/dataset/summary"),
    get("/dataset/list"),
    LOOKUP,
    post("/dataset/search", {}),
    post("/dataset/register", dataset_info()),
    post("/dataset/readme", {"uri": uri_of("apple-harvest")}),
    post("/dataset/manifest", {"uri": uri_of("apple-harvest")}),
    post("/dataset/annotations", {"uri": uri_of("apple-harvest")}),
]
USER_ROUTES = [get("/user/info/<username>", "/user/info/grumpy")]
ADMIN_ROUTES = [
    get("/admin/user/list"),
    post("/admin/user/register", [{"username": "sneezy"}]),
    get("/admin/base_uri/list"),
    post("/admin/base_uri/register", {"base_uri": "s3://new"}),
    post("/admin/permission/info", {"base_uri": SNOW_WHITE}),
    post(
        "/admin/permission/update_on_base_uri",
        {
            "base_uri": SNOW_WHITE,
            "users_with_search_permissions": [],
            "users_with_register_permissions": [],
        },
    ),
]
CONFIG_INFO = get("/config/info")
CONFIG_VERSIONS = get("/config/versions")

#: Routes that ask for a token.
GUARDED_ROUTES = [*DATASET_ROUTES, *USER_ROUTES, *ADMIN_ROUTES, CONFIG_INFO]
ALL_ROUTES = [*GUARDED_ROUTES, CONFIG_VERSIONS]
POST_ROUTES = [route for route in ALL_ROUTES if route.method == "POST"]
