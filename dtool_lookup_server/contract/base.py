"""The application that a contract's tests go through, and their datasets."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from ..app import create_app
from ..errors import StoreUnavailableError
from ..extensions import sql_db
from ..services import base_uris, datasets, permissions, registering, users
from ..services.users import ActingUser

#: Who may search all that a test registers.
READER = "contract-reader"

#: Longest time that a test waits for a store that is not there, in seconds.
PATIENCE = 60

Register = Callable[..., str]


def new_base_uri() -> str:
    """Return a base URI that nothing was ever registered in."""
    return f"s3://contract-{uuid.uuid4().hex}"


def dataset_info(base_uri: str, label: str, **fields: Any) -> dict[str, Any]:
    """Return a dataset info with little in it.

    :param label: what a test calls the dataset; it cannot be searched for
    :param fields: keys to replace; `paths` are the relative paths of its items
    """
    # The same in every run: a UUID's letters count for a document's length.
    dataset_uuid = str(uuid.uuid5(uuid.NAMESPACE_URL, label))
    paths = fields.pop("paths", ())
    return {
        "uuid": dataset_uuid,
        "base_uri": base_uri,
        "uri": f"{base_uri}/{dataset_uuid}",
        "name": "plain",
        "type": "dataset",
        "creator_username": "nobody",
        "created_at": 1500000000.25,
        "frozen_at": 1500000100.125,
        "readme": "",
        "manifest": {"items": {str(n): {"relpath": p} for n, p in enumerate(paths)}},
        "annotations": {},
        "tags": [],
    } | fields


class Contract:
    """What the contracts of search and of retrieve plugins share."""

    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls) -> dict[str, Any]:
        """Settings that choose the plugin and tell it where its store is."""
        raise NotImplementedError("give the settings that choose your plugin")

    @pytest.fixture(scope="class")
    @classmethod
    def unreachable(cls) -> dict[str, Any] | None:
        """Settings with which the store does not answer; None where that cannot be."""
        return None

    @pytest.fixture(scope="class")
    @classmethod
    def home(cls, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
        """Settings with which the server keeps all else in a folder of the test."""
        folder = tmp_path_factory.mktemp("contract")
        return {
            "TESTING": True,
            "DTOOL_LOOKUP_SERVER_HOME": str(folder),
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/lookup.db",
        }

    @pytest.fixture(scope="class")
    @classmethod
    def app(cls, home: dict[str, Any], settings: dict[str, Any]) -> Iterator[Flask]:
        """An application with the plugin."""
        app = create_app({**home, **settings})
        with app.app_context():
            sql_db.create_all()
            users.register([{"username": READER}])
            yield app
            sql_db.session.remove()
            sql_db.engine.dispose()

    @pytest.fixture(scope="class")
    @classmethod
    def user(cls, app: Flask) -> ActingUser:
        """One who may search whatever a test registers."""
        return users.require(READER)

    @pytest.fixture
    def base_uri(self, app: Flask) -> str:
        """A base URI of the test's own, in which the reader may search."""
        return self.add_base_uri()

    @pytest.fixture
    def register(self, base_uri: str) -> Register:
        """Register a dataset by its label, and return its URI."""

        def register(label: str, **fields: Any) -> str:
            return registering.register(dataset_info(base_uri, label, **fields))

        return register

    @pytest.fixture
    def away(
        self, app: Flask, home: dict[str, Any], unreachable: dict[str, Any] | None
    ) -> Iterator[Flask]:
        """An application of the same database, with a store that does not answer."""
        if unreachable is None:
            pytest.skip("this plugin's store is always there")
        sql_db.session.commit()
        away = create_app({**home, **unreachable})
        with away.app_context():
            yield away
            sql_db.session.remove()
            sql_db.engine.dispose()

    @staticmethod
    def add_base_uri() -> str:
        """Register a new base URI, in which the reader may search."""
        base_uri = base_uris.register(new_base_uri())
        permissions.grant_search(READER, base_uri)
        return base_uri

    def test_a_store_that_does_not_answer_leaves_nothing_half_registered(
        self, away: Flask
    ) -> None:
        info = dataset_info(self.add_base_uri(), "new")
        with pytest.raises(StoreUnavailableError):
            registering.register(info)
        assert datasets.find(info["uri"]) is None
