"""The command line: click commands that call services, and nothing else.

The names here are those that 0.18's scripts and plugins import.
"""

from .audit import audit_cli
from .base_uri import add_base_uri, base_uri_cli, index_base_uri, list_base_uris
from .config import config_cli, config_show, config_versions
from .database import backup, copy_database, database_cli, restore
from .dataset import dataset_cli, reindex_datasets, verify_datasets
from .doctor import doctor
from .search import search_datasets
from .setup import demo, init, plugins
from .user import (
    delete_user,
    generate_token,
    give_register_permission,
    give_search_permission,
    list_users,
    register_user,
    update_user,
    user_cli,
)

COMMANDS = (
    user_cli,
    base_uri_cli,
    dataset_cli,
    search_datasets,
    audit_cli,
    config_cli,
    database_cli,
    backup,
    restore,
    init,
    demo,
    plugins,
    doctor,
)

__all__ = [
    "COMMANDS",
    "add_base_uri",
    "audit_cli",
    "backup",
    "base_uri_cli",
    "config_cli",
    "config_show",
    "config_versions",
    "copy_database",
    "database_cli",
    "dataset_cli",
    "delete_user",
    "demo",
    "doctor",
    "generate_token",
    "give_register_permission",
    "give_search_permission",
    "index_base_uri",
    "init",
    "list_base_uris",
    "list_users",
    "plugins",
    "register_user",
    "search_datasets",
    "reindex_datasets",
    "restore",
    "update_user",
    "user_cli",
    "verify_datasets",
]
