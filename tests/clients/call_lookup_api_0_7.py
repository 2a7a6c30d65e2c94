"""Calls every route that dtool-lookup-api 0.7 knows; prints the answers as JSON."""

import asyncio
import json
import logging
import sys

from dtool_lookup_api.core import LookupClient as lookup

logging.disable(logging.CRITICAL)
URL, TOKEN = sys.argv[1:]


def uris(rows):
    return [row["uri"] for row in rows]


async def read(client):
    paging = {}
    everything = await client.all(page_size=100, pagination=paging)
    apples = (await client.search("harvest"))[0]
    uri, uuid = apples["uri"], apples["uuid"]
    plugins = [
        await client.query({}),
        await client.by_query({}),
        await client.aggregate([]),
        await client.graph(uuid),
    ]
    return {
        "summary": await client.summary(),
        "all": len(everything),
        "paging": paging,
        "search": uris(await client.search("apple")),
        "lookup": uris(await client.lookup(uuid)),
        "by_uuid": uris(await client.by_uuid(uuid)),
        "readme": await client.readme(uri),
        "manifest": await client.manifest(uri),
        "config": await client.config(),
        "versions": await client.versions(),
        "user_info": await client.user_info("grumpy"),
        "plugins": [answer["code"] for answer in plugins],
    }


async def manage(client):
    users = await client.list_users()
    base_uris = await client.list_base_uris()
    registered = [
        await client.register_user("king"),
        await client.register_base_uri("s3://castle"),
        await client.update_permissions("s3://castle", ["king"], ["king"]),
    ]
    return {
        "users": [user["username"] for user in users],
        "base_uris": [row["base_uri"] for row in base_uris],
        "registered": registered,
        "permissions": await client.permission_info("s3://castle"),
    }


async def main():
    async with lookup.TokenBasedLookupClient(URL, TOKEN) as client:
        found = await read(client)
    login = (URL, f"{URL}/token", "snow-white", "correct horse")
    async with lookup.CredentialsBasedLookupClient(*login) as client:
        found |= await manage(client)
    async with lookup.ConfigurationBasedLookupClient(*login) as client:
        found["configured"] = (await client.user_info("snow-white"))["is_admin"]
    print(json.dumps(found))


asyncio.run(main())
