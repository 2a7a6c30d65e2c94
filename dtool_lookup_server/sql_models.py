"""The tables that are the truth: users, base URIs, permissions, datasets, tags.

Tables and columns of 0.18 keep their names, so that its database is upgraded in
place. What the embedded plugins keep beside them is in plugins/sql/tables.py.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import fields
from sqlalchemy import BigInteger, ForeignKey, Index, Integer, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .append_only import keep_append_only
from .columns import Line, Timestamp, keep_unique, unique_index
from .dataset_json import keep_as_json
from .extensions import ma
from .extensions import sql_db as db
from .substrings import Searched, keep_searchable

#: Longest name of a user, in characters.
USERNAME_LENGTH = 64
#: Longest URI of a dataset or a base URI, in characters (a path may be long).
URI_LENGTH = 1024
#: Longest name of a dataset, a creator or a tag, in characters.
NAME_LENGTH = 255
#: Longest text that is kept of an error, in characters.
ERROR_LENGTH = 1000
#: Length of a UUID in its text form.
UUID_LENGTH = 36
#: Longest name of a kind of counter, in characters.
KIND_LENGTH = 16
#: Longest word that is remembered for its spelling, in characters.
WORD_LENGTH = 32
#: Length of a digest in hexadecimal.
DIGEST_LENGTH = 64
#: Longest name of an action in the audit trail, address, id of a request, and JSON of
#: what else there is to tell, in characters.
ACTION_LENGTH, ADDRESS_LENGTH, REQUEST_ID_LENGTH, DETAILS_LENGTH = 32, 64, 128, 4000

_EPOCH = datetime(1970, 1, 1)


def to_timestamp(moment: datetime) -> float:
    """Return a naive UTC time as seconds since the epoch, to the microsecond."""
    return (moment - _EPOCH).total_seconds()


def from_timestamp(seconds: float) -> datetime:
    """Return seconds since the epoch as a naive UTC time, to the microsecond.

    :raises OverflowError: outside the years 1 to 9999
    """
    return _EPOCH + timedelta(seconds=seconds)


def utc_now() -> datetime:
    """Return the time of now as the tables hold it: naive, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def _permission_table(name: str) -> Table:
    return db.Table(
        name,
        db.Column("user_id", ForeignKey("user.id"), primary_key=True),
        db.Column("base_uri_id", ForeignKey("base_uri.id"), primary_key=True),
        Index(f"ix_{name}_base_uri_id", "base_uri_id"),
    )


search_permissions = _permission_table("search_permissions")
register_permissions = _permission_table("register_permissions")


class User(db.Model):  # type: ignore[name-defined]
    """Somebody who may hold a token of this server."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(
        Line(USERNAME_LENGTH), index=True, unique=True
    )
    is_admin: Mapped[bool] = mapped_column(default=False)
    display_name: Mapped[str | None] = mapped_column(Line(NAME_LENGTH))
    #: Tokens that were issued before are worthless; None where none are.
    tokens_valid_from: Mapped[datetime | None] = mapped_column(Timestamp)
    search_base_uris: Mapped[list["BaseURI"]] = relationship(
        secondary=search_permissions, back_populates="search_users"
    )
    register_base_uris: Mapped[list["BaseURI"]] = relationship(
        secondary=register_permissions, back_populates="register_users"
    )

    def __repr__(self) -> str:
        return f"<User {self.username}, is_admin={self.is_admin}>"

    def as_dict(self) -> dict[str, Any]:
        """Return the four keys of 0.18's user info."""
        return {
            "username": self.username,
            "is_admin": self.is_admin,
            "search_permissions_on_base_uris": [
                base_uri.base_uri for base_uri in self.search_base_uris
            ],
            "register_permissions_on_base_uris": [
                base_uri.base_uri for base_uri in self.register_base_uris
            ],
        }


class RemovedUser(db.Model):  # type: ignore[name-defined]
    """A name that was somebody's: whose tokens are not the next one's of that name."""

    __tablename__ = "removed_user"

    username: Mapped[str] = mapped_column(Line(USERNAME_LENGTH), primary_key=True)
    #: The last time that a user of that name was removed.
    removed_at: Mapped[datetime] = mapped_column(Timestamp)


class BaseURI(db.Model):  # type: ignore[name-defined]
    """A place that holds datasets: a bucket, a container, a folder."""

    __tablename__ = "base_uri"
    __table_args__ = unique_index("base_uri", "base_uri")

    id: Mapped[int] = mapped_column(primary_key=True)
    base_uri: Mapped[str] = mapped_column(Line(URI_LENGTH))
    #: Or when this was first written down. One that is deleted and registered again has
    #: another, even where a database gives it the same id.
    registered_at: Mapped[datetime | None] = mapped_column(Timestamp, default=utc_now)
    search_users: Mapped[list[User]] = relationship(
        secondary=search_permissions, back_populates="search_base_uris"
    )
    register_users: Mapped[list[User]] = relationship(
        secondary=register_permissions, back_populates="register_base_uris"
    )
    datasets: Mapped[list["Dataset"]] = relationship(back_populates="base_uri")

    def __repr__(self) -> str:
        return f"<BaseURI {self.base_uri}>"

    def as_dict(self) -> dict[str, Any]:
        """Return the base URI with the names of those who may use it."""
        return {
            "base_uri": self.base_uri,
            "users_with_search_permissions": [
                user.username for user in self.search_users
            ],
            "users_with_register_permissions": [
                user.username for user in self.register_users
            ],
        }


class Dataset(db.Model):  # type: ignore[name-defined]
    """A dataset at one URI. A dataset exists here exactly when its row does."""

    __tablename__ = "dataset"
    __table_args__ = unique_index("dataset", "uri")

    id: Mapped[int] = mapped_column(primary_key=True)
    base_uri_id: Mapped[int] = mapped_column(ForeignKey("base_uri.id"), index=True)
    uri: Mapped[str] = mapped_column(Line(URI_LENGTH))
    uuid: Mapped[str] = mapped_column(Line(UUID_LENGTH), index=True)
    name: Mapped[str] = mapped_column(Line(NAME_LENGTH), index=True)
    creator_username: Mapped[str] = mapped_column(Line(NAME_LENGTH), index=True)
    frozen_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    number_of_items: Mapped[int | None] = mapped_column(BigInteger)
    size_in_bytes: Mapped[int | None] = mapped_column(BigInteger)
    type: Mapped[str | None] = mapped_column(Line(NAME_LENGTH))
    dtoolcore_version: Mapped[str | None] = mapped_column(Line(NAME_LENGTH))
    #: The user who registered it last; None for the command line.
    uploaded_by: Mapped[str | None] = mapped_column(Line(USERNAME_LENGTH), index=True)
    uploaded_at: Mapped[datetime | None] = mapped_column(Timestamp)
    #: Of the plugins, and of all that was registered: equal means unchanged.
    digest: Mapped[str | None] = mapped_column(Line(DIGEST_LENGTH))
    base_uri: Mapped[BaseURI] = relationship(back_populates="datasets")
    tags: Mapped[list["DatasetTag"]] = relationship(
        order_by="DatasetTag.position", cascade="all, delete-orphan"
    )

    def __repr__(self) -> str:
        return f"<Dataset {self.uri}>"

    def as_dict(self) -> dict[str, Any]:
        """Return exactly the nine keys that 0.18's Dataset.as_dict returns."""
        return {
            "base_uri": self.base_uri.base_uri,
            "uri": self.uri,
            "uuid": self.uuid,
            "name": self.name,
            "creator_username": self.creator_username,
            "frozen_at": to_timestamp(self.frozen_at),
            "created_at": to_timestamp(self.created_at),
            "number_of_items": self.number_of_items,
            "size_in_bytes": self.size_in_bytes,
        }


class IndexRun(db.Model):  # type: ignore[name-defined]
    """The newest run of indexing a base URI, under way or ended."""

    __tablename__ = "index_run"

    base_uri_id: Mapped[int] = mapped_column(
        ForeignKey("base_uri.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(Line(16))
    started_at: Mapped[datetime] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)
    registered: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    forgotten: Mapped[int] = mapped_column(default=0)
    #: Why it has come to nothing; None where it has not.
    error: Mapped[str | None] = mapped_column(Line(ERROR_LENGTH))


class DatasetTag(db.Model):  # type: ignore[name-defined]
    """One tag of one dataset, at its place among the dataset's tags."""

    __tablename__ = "dataset_tag"
    __table_args__ = (Index("ix_dataset_tag_tag", "tag", "dataset_id"),)

    dataset_id: Mapped[int] = mapped_column(
        ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(Line(NAME_LENGTH), primary_key=True)
    position: Mapped[int]


#: How many datasets a base URI has of each kind: see services/counters.py. The size is
#: a sum in two halves, since that of large numbers is too large for one column.
dataset_counter = db.Table(
    "dataset_counter",
    db.Column("kind", Line(KIND_LENGTH), primary_key=True),
    db.Column("value", Line(NAME_LENGTH), primary_key=True),
    db.Column(
        "base_uri_id",
        ForeignKey("base_uri.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    db.Column("number", BigInteger, nullable=False),
    db.Column("size_upper", BigInteger, nullable=False),
    db.Column("size_lower", BigInteger, nullable=False),
)


#: What a dataset's storage looked like when it was read, and the digest of what was
#: registered then: see services/fingerprints.py.
dataset_fingerprint = db.Table(
    "dataset_fingerprint",
    db.Column(
        "dataset_id", ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True
    ),
    db.Column("fingerprint", Line(DIGEST_LENGTH), nullable=False),
    db.Column("digest", Line(DIGEST_LENGTH), nullable=False),
)


class DatasetAnnotation(db.Model):  # type: ignore[name-defined]
    """One annotation of one dataset, as query/annotations.py makes it searchable."""

    __tablename__ = "dataset_annotation"
    __table_args__ = (
        Index("ix_dataset_annotation_name_value", "name", "value", "dataset_id"),
    )

    dataset_id: Mapped[int] = mapped_column(
        ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Line(NAME_LENGTH), primary_key=True)
    value: Mapped[str] = mapped_column(Line(NAME_LENGTH), primary_key=True)


class DatasetPart(db.Model):  # type: ignore[name-defined]
    """What of a dataset parts of words are looked for in: see plugins/parts.py.

    A dataset has one row, and more of them where its items are very many.
    """

    __tablename__ = "dataset_part"

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(
        ForeignKey("dataset.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(Searched)
    tag: Mapped[str] = mapped_column(Searched)
    creator: Mapped[str] = mapped_column(Searched)
    uri: Mapped[str] = mapped_column(Searched)
    item: Mapped[str] = mapped_column(Searched)


#: The columns of DatasetPart that are searched.
PART_COLUMNS = ("name", "tag", "creator", "uri", "item")


class BaseURIWord(db.Model):  # type: ignore[name-defined]
    """A word in one of the datasets of a base URI, or in one that was there once."""

    __tablename__ = "base_uri_word"
    __table_args__ = (Index("ix_base_uri_word_backwards", "backwards", "base_uri_id"),)

    word: Mapped[str] = mapped_column(Line(WORD_LENGTH), primary_key=True)
    base_uri_id: Mapped[int] = mapped_column(
        ForeignKey("base_uri.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    #: The same from its end, to be found by how it ends.
    backwards: Mapped[str] = mapped_column(Line(WORD_LENGTH))
    #: In characters.
    length: Mapped[int]


class TokenAttempt(db.Model):  # type: ignore[name-defined]
    """Somebody tried a password, not long ago, for all workers to count."""

    __tablename__ = "token_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Digests of the name and of the address, in hexadecimal.
    username: Mapped[str] = mapped_column(Line(DIGEST_LENGTH), index=True)
    address: Mapped[str] = mapped_column(Line(DIGEST_LENGTH), index=True)
    tried_at: Mapped[datetime] = mapped_column(Timestamp, index=True)


access_token_base_uris = db.Table(
    "access_token_base_uri",
    db.Column("token_id", ForeignKey("access_token.id"), primary_key=True),
    db.Column("base_uri_id", ForeignKey("base_uri.id"), primary_key=True),
    Index("ix_access_token_base_uri_base_uri_id", "base_uri_id"),
)


class AccessToken(db.Model):  # type: ignore[name-defined]
    """A personal access token, which only its owner knows."""

    __tablename__ = "access_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    name: Mapped[str] = mapped_column(Line(NAME_LENGTH))
    #: Of the token, in hexadecimal.
    sha256: Mapped[str] = mapped_column(Line(DIGEST_LENGTH), index=True, unique=True)
    #: Separated by blanks.
    scopes: Mapped[str] = mapped_column(Line(64))
    #: Whether it is for more than the rows of access_token_base_uri.
    all_base_uris: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    last_used_at: Mapped[datetime | None] = mapped_column(Timestamp)


#: Who did what: see services/audit.py. It refers to nothing by number: what it tells of
#: may be gone.
audit_entry = db.Table(
    "audit_entry",
    db.Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    db.Column("happened_at", Timestamp, nullable=False),
    db.Column("action", Line(ACTION_LENGTH), nullable=False),
    db.Column("source", Line(KIND_LENGTH), nullable=False),
    db.Column("username", Line(USERNAME_LENGTH)),
    db.Column("os_user", Line(USERNAME_LENGTH)),
    db.Column("address", Line(ADDRESS_LENGTH)),
    db.Column("request_id", Line(REQUEST_ID_LENGTH)),
    db.Column("access_token_id", Integer),
    db.Column("base_uri", Line(URI_LENGTH)),
    db.Column("subject", Line(URI_LENGTH)),
    db.Column("details", Line(DETAILS_LENGTH)),
    db.Column("pruned_before", Timestamp),
    # Each ends as the trail is read: the newest first.
    Index("ix_audit_entry_happened_at", "happened_at", "id"),
    Index("ix_audit_entry_action", "action", "happened_at", "id"),
    Index("ix_audit_entry_username", "username", "happened_at", "id"),
)

keep_append_only(audit_entry)
keep_as_json(DatasetTag.__table__)
keep_unique(BaseURI.__table__.c.base_uri)
keep_unique(Dataset.__table__.c.uri)
keep_searchable(DatasetPart.__table__, PART_COLUMNS)


def _base_uri_of(dataset: Any) -> Any:
    """Return the base URI of a row, or of a dictionary, of a dataset."""
    if isinstance(dataset, Dataset):
        return dataset.base_uri.base_uri
    return dataset["base_uri"]


class BaseURISchema(ma.SQLAlchemyAutoSchema):  # type: ignore[name-defined]
    """0.18's schema of a base URI, for plugins that import it."""

    class Meta:
        model = BaseURI
        fields = ("base_uri",)


class UserSchema(ma.SQLAlchemyAutoSchema):  # type: ignore[name-defined]
    """0.18's schema of a user, for plugins that import it."""

    class Meta:
        model = User


class DatasetSchema(ma.SQLAlchemyAutoSchema):  # type: ignore[name-defined]
    """0.18's schema of a dataset, for plugins that import it."""

    base_uri = fields.Function(_base_uri_of)

    class Meta:
        model = Dataset
        fields = (
            "base_uri",
            "created_at",
            "creator_username",
            "frozen_at",
            "name",
            "uri",
            "uuid",
        )
