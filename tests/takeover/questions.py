"""What is asked of 0.18 and of this server; read by both, so it imports neither."""

#: Texts that mean the same to both. In U00096.3 and K-12 0.18 looks for each part, and
#: for a 3 or a K anywhere; we look for them whole.
TEXTS = [
    "apple",
    "apples",
    "carrots",
    "queen",
    "crimson",
    "fruit",
    "survey",
    "diamond",
    "mandragora",
    "orchard",
    "Rumpelstiltskin",
    "creme",
    "U00096",
    '"diamond mine"',
    "apple -poisoned",
    "potatoes tunnels",
    "nowhere",
]

LISTS = [
    {},
    {"creator_usernames": ["grumpy"]},
    {"base_uris": ["s3://mr-men"]},
    {"tags": ["fruit"]},
    {"tags": ["fruit", "veg"]},
    {"tags": ["fruit"], "free_text": "carrots"},
]

#: The keys of 0.18's rows.
ROW = (
    "base_uri",
    "uri",
    "uuid",
    "name",
    "creator_username",
    "created_at",
    "frozen_at",
    "number_of_items",
    "size_in_bytes",
)


def ask(client, headers):
    """Return all that a server says, in an order that does not depend on it."""

    def get(path):
        return client.get(path, headers=headers).json

    def post(path, body):
        response = client.post(path, json=body, headers=headers)
        assert response.status_code == 200, (path, body, response.data)
        return response.json

    def found(query):
        rows = post("/dataset/search?page_size=100", query)
        return sorted([row["uri"], sorted(row["tags"])] for row in rows)

    rows = get("/dataset/list?page_size=100")
    listed = sorted([[row[key] for key in ROW] for row in rows], key=lambda row: row[1])
    return {
        "list": listed,
        "lookup": {
            row["uri"]: sorted(
                place["uri"] for place in get(f"/dataset/lookup/{row['uuid']}")
            )
            for row in rows
        },
        "summary": summary(get("/dataset/summary")),
        "texts": {text: found({"free_text": text}) for text in TEXTS},
        "queries": [found(query) for query in LISTS],
        "contents": {
            row["uri"]: [
                post(f"/dataset/{part}", {"uri": row["uri"]})
                for part in ("readme", "manifest", "annotations")
            ]
            for row in rows
        },
    }


def summary(answer):
    """Return what 0.18's summary has, with the lists in order."""
    keys = (
        "number_of_datasets",
        "creator_usernames",
        "base_uris",
        "tags",
        "datasets_per_creator",
        "datasets_per_base_uri",
        "datasets_per_tag",
    )
    return {
        key: sorted(answer[key]) if isinstance(answer[key], list) else answer[key]
        for key in keys
    }
