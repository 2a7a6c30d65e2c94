"""Who may call what: every route and method, and the status for each role.

A row has a request that is well formed. In its path and its JSON the words of a
Subject stand for a dataset, its base URI, its UUID and a user.
"""

from typing import Any, NamedTuple
from urllib.parse import quote

from tests.corpus import MR_MEN, SNOW_WHITE, dataset_info, uri_of, uuid_of

#: The roles, and a user for each. All but the last two have to do with SNOW_WHITE.
ROLES = {
    "searcher": "sleepy",
    "registrar": "registrar",
    "both": "grumpy",
    "no permission": "noone",
    "admin": "snow-white",
}


class Subject(NamedTuple):
    """What a request is about."""

    uri: str
    base_uri: str
    uuid: str
    username: str

    def put_into(self, value: Any) -> Any:
        """Return a row's JSON with the subject's own words in it."""
        if isinstance(value, dict):
            return {key: self.put_into(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.put_into(item) for item in value]
        if isinstance(value, str) and value.startswith("$"):
            return getattr(self, value[1:])
        return value


#: A dataset in SNOW_WHITE, and a user who has no role.
KNOWN = Subject(uri_of("apple-harvest"), SNOW_WHITE, uuid_of("apple-harvest"), "sleepy")

INFO = dataset_info(
    "apple-harvest", uri="$uri", base_uri="$base_uri", uuid="$uuid", tags=["fruit"]
)


class Row(NamedTuple):
    """A method of a route, and the statuses that it answers with.

    :param statuses: by role
    :param strangers: status for a good token of nobody who is registered; None where
        no token is asked for
    :param path: where it is not the rule with the subject's words put in
    """

    method: str
    rule: str
    statuses: dict[str, int]
    json: Any = None
    strangers: int | None = 401
    path: str | None = None
    data: str | None = None

    def __str__(self):
        return f"{self.method} {self.rule}"

    def call(self, client, headers=None, subject=KNOWN, **options):
        """Send the row's request."""
        path = self.path or self.rule
        for placeholder, word in {
            "<uri:uri>": subject.uri,
            "<uri:base_uri>": subject.base_uri,
            "<uuid>": subject.uuid,
            "<username>": subject.username,
        }.items():
            path = path.replace(placeholder, quote(word, safe=""))
        if self.json is not None:
            options["json"] = subject.put_into(self.json)
        if self.data is not None:
            line = self.data.replace("$uri", subject.uri)
            options |= {"data": line.replace("$base_uri", subject.base_uri)}
            options["content_type"] = "application/x-ndjson"
        options |= {"headers": headers, "buffered": True}
        return client.open(path, method=self.method, **options)


def allow(status, refusal=None, *roles):
    """Return the statuses where some roles get one and all others another."""
    roles = roles or tuple(ROLES)
    return {role: status if role in roles else refusal for role in ROLES}


EVERYBODY = allow(200)
SEARCHERS = allow(200, 403, "searcher", "both")
REGISTRARS = allow(200, 403, "registrar", "both")
EDITORS = allow(200, 403, "both")
ADMINS = allow(200, 403, "admin")
MAKERS = allow(201, 403, "admin")

READERS_018 = allow(200, 400, "searcher", "both")
REGISTRARS_018 = allow(201, 401, "registrar", "both")
ADMINS_018 = allow(200, 404, "admin")
MAKERS_018 = allow(201, 404, "admin")

PERMISSIONS = {
    "users_with_search_permissions": ["sleepy", "grumpy"],
    "users_with_register_permissions": ["registrar", "grumpy"],
}
QUERY = {
    "free_text": "apple",
    "base_uris": ["$base_uri", SNOW_WHITE],
    "uuids": ["$uuid"],
}
QUERY_STRING = "?base_uris=s3%3A%2F%2Fcinderella&tags=fruit"
BULK_LINE = (
    '{"uri": "$uri", "base_uri": "$base_uri", "uuid": "%s", "name": "x",'
    ' "type": "dataset", "creator_username": "queen", "frozen_at": 1}\n'
)


def _open(method, rule, status=200, **options):
    return Row(method, rule, allow(status), strangers=None, **options)


def _of_018(method, rule, statuses, json=None):
    return Row(method, rule, statuses, json, strangers=404)


TABLE = (
    _open("GET", "/"),
    _open("GET", "/static/<path:filename>", path="/static/icon.svg"),
    _open(
        "GET", "/doc-assets/<page>/<name>", path="/doc-assets/swagger/swagger-ui.css"
    ),
    _open("GET", "/doc/openapi.json"),
    _open("GET", "/doc/redoc"),
    _open("GET", "/doc/swagger"),
    _open("GET", "/config/health"),
    # Not ready: the tables of these tests were not made by migrations.
    _open("GET", "/config/ready", status=503),
    _open("GET", "/config/versions"),
    # Off, unless it is configured.
    _open("POST", "/notify", 404, json={"Records": []}),
    _open("POST", "/token", 404, json={"username": "sleepy", "password": "1234"}),
    Row("GET", "/config/info", EVERYBODY),
    Row("GET", "/dataset/list", EVERYBODY),
    Row("GET", "/dataset/summary", EVERYBODY),
    Row("GET", "/dataset/lookup/<uuid>", EVERYBODY),
    Row("POST", "/dataset/search", EVERYBODY, QUERY),
    Row("POST", "/dataset/register", REGISTRARS_018, INFO),
    Row("POST", "/dataset/readme", READERS_018, {"uri": "$uri"}),
    Row("POST", "/dataset/manifest", READERS_018, {"uri": "$uri"}),
    Row("POST", "/dataset/annotations", READERS_018, {"uri": "$uri"}),
    _of_018("GET", "/user/info/<username>", allow(200, 404, "searcher", "admin")),
    _of_018("GET", "/admin/user/list", ADMINS_018),
    _of_018("POST", "/admin/user/register", MAKERS_018, [{"username": "$username"}]),
    _of_018("GET", "/admin/base_uri/list", ADMINS_018),
    _of_018("POST", "/admin/base_uri/register", MAKERS_018, {"base_uri": "$base_uri"}),
    _of_018("POST", "/admin/permission/info", ADMINS_018, {"base_uri": "$base_uri"}),
    _of_018(
        "POST",
        "/admin/permission/update_on_base_uri",
        MAKERS_018,
        {"base_uri": "$base_uri", **PERMISSIONS},
    ),
    Row("GET", "/uris", EVERYBODY, path=f"/uris{QUERY_STRING}"),
    Row("POST", "/uris", EVERYBODY, QUERY),
    # Each line has a status of its own.
    Row("PUT", "/uris", EVERYBODY, data=BULK_LINE % uuid_of("apple-harvest")),
    Row("GET", "/uris/summary", EVERYBODY, path=f"/uris/summary{QUERY_STRING}"),
    Row("POST", "/uris/summary", EVERYBODY, QUERY),
    Row("POST", "/uris/timeline", EVERYBODY, QUERY),
    Row("GET", "/suggest", EVERYBODY, path="/suggest?q=apple"),
    Row("GET", "/uuids/<uuid>", EVERYBODY),
    Row("GET", "/uris/<uri:uri>", SEARCHERS),
    Row("PUT", "/uris/<uri:uri>", REGISTRARS, INFO),
    Row("DELETE", "/uris/<uri:uri>", REGISTRARS),
    Row("GET", "/readmes/<uri:uri>", SEARCHERS),
    Row("PUT", "/readmes/<uri:uri>", EDITORS, {"readme": "---\nnew: true\n"}),
    Row("GET", "/manifests/<uri:uri>", SEARCHERS),
    Row("GET", "/annotations/<uri:uri>", SEARCHERS),
    Row("PUT", "/annotations/<uri:uri>", REGISTRARS, {"annotations": {"a": 1}}),
    Row("PUT", "/annotations/<uri:uri>/<name>", REGISTRARS, {"value": 1}),
    Row("DELETE", "/annotations/<uri:uri>/<name>", REGISTRARS),
    Row("GET", "/tags/<uri:uri>", SEARCHERS),
    Row("PUT", "/tags/<uri:uri>", REGISTRARS, {"tags": ["fruit"]}),
    Row("POST", "/tags/<uri:uri>/<tag>", REGISTRARS),
    Row("DELETE", "/tags/<uri:uri>/<tag>", REGISTRARS),
    Row("GET", "/me", EVERYBODY),
    Row("PATCH", "/me", EVERYBODY, {"display_name": "Somebody"}),
    Row("GET", "/me/summary", EVERYBODY),
    Row("GET", "/me/tokens", EVERYBODY),
    Row("POST", "/me/tokens", allow(201), {"name": "mine", "scopes": ["search"]}),
    Row(
        "DELETE",
        "/me/tokens/<int(max=2147483647):token_id>",
        EVERYBODY,
        path="/me/tokens/1",
    ),
    Row("GET", "/users", ADMINS),
    Row("GET", "/users/<username>", allow(200, 403, "searcher", "admin")),
    Row("GET", "/users/<username>/summary", allow(200, 403, "searcher", "admin")),
    Row("PUT", "/users/<username>", ADMINS, {"is_admin": False}),
    Row("PATCH", "/users/<username>", ADMINS, {"is_admin": False}),
    Row("DELETE", "/users/<username>", ADMINS),
    # Who holds it already gets 409, and sleepy may search.
    Row("POST", "/users/<username>/search/<uri:base_uri>", allow(409, 403, "admin")),
    Row("DELETE", "/users/<username>/search/<uri:base_uri>", ADMINS),
    Row("POST", "/users/<username>/register/<uri:base_uri>", ADMINS),
    Row("DELETE", "/users/<username>/register/<uri:base_uri>", ADMINS),
    Row("GET", "/base-uris", ADMINS),
    Row("GET", "/base-uris/<uri:base_uri>", ADMINS),
    Row("PUT", "/base-uris/<uri:base_uri>", ADMINS, PERMISSIONS),
    Row("POST", "/base-uris/<uri:base_uri>", ADMINS, PERMISSIONS),
    Row("GET", "/audit", ADMINS),
    # It has datasets.
    Row("DELETE", "/base-uris/<uri:base_uri>", allow(409, 403, "admin")),
)

GUARDED = [row for row in TABLE if row.strangers is not None]

#: A base URI that no role has to do with.
ELSEWHERE = MR_MEN
