"""Calls the server through the generated client; prints what came of it as JSON."""

import json
import sys

from lookup import AuthenticatedClient
from lookup.api.annotations import annotations_put_annotation
from lookup.api.config import config_check_health
from lookup.api.manifests import manifests_show_manifest
from lookup.api.me import me_edit_me
from lookup.api.readmes import readmes_show_readme
from lookup.api.tags import tags_add_tag
from lookup.api.uris import (
    uris_find_datasets,
    uris_put_dataset,
    uris_query_datasets,
    uris_show_dataset,
    uris_summarise_found,
)
from lookup.api.users import users_list_users
from lookup.models import EditAnnotations, EditMe, Query, RegisterDataset

url, token, text = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=token)
info = json.loads(text)
uri = info["uri"]
new = RegisterDataset.from_dict(info)
green = EditAnnotations(value="green")
found = {
    "registered": uris_put_dataset.sync_detailed(
        uri, client=client, body=new
    ).status_code,
    "found": uris_find_datasets.sync(client=client, tags=["fruit"], sort="-name"),
    "by_query": uris_query_datasets.sync(client=client, body=Query(tags=["fruit"])),
    "shown": uris_show_dataset.sync(uri, client=client).tags,
    "readme": readmes_show_readme.sync(uri, client=client).readme,
    "tagged": tags_add_tag.sync(uri, "ripe", client=client).tags,
    "annotations": annotations_put_annotation.sync(
        uri, "colour", client=client, body=green
    ).annotations.to_dict(),
    "items": list(manifests_show_manifest.sync(uri, client=client).to_dict()["items"]),
    "summary": uris_summarise_found.sync(client=client).datasets_per_tag.to_dict(),
    "me": me_edit_me.sync(client=client, body=EditMe("Grumpy")).display_name,
    "refused": users_list_users.sync_detailed(client=client).status_code,
    "healthy": config_check_health.sync(client=client).status,
}
for name in ("found", "by_query"):
    found[name] = [row.uri for row in found[name]]
print(json.dumps(found))
