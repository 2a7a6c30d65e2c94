"""Names of before 0.18 that released plugins still import, and what they do with them.

The notification plugin deletes a dataset from MongoDB by

    mongo.db[MONGO_COLLECTION].delete_one({"uri": {"$eq": uri}})

Here this deletes it from every store, whether or not that is MongoDB.
"""

from typing import Any

from .services import registering

#: The only collection that there was.
MONGO_COLLECTION = "datasets"


class _Collection:
    def delete_one(self, query: dict[str, Any]) -> None:
        """Forget the dataset with a URI.

        :param query: {"uri": {"$eq": uri}} or {"uri": uri}
        """
        uri = query["uri"]
        registering.forget(uri["$eq"] if isinstance(uri, dict) else uri)


class _Handle:
    """In place of the handle of flask-pymongo."""

    #: Its database, with the collection by its name.
    db = {MONGO_COLLECTION: _Collection()}


mongo = _Handle()
