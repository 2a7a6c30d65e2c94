"""Run by 0.18's Python: puts users, permissions and datasets into its SQL database.

python fill_sql_018.py DATASETS.json PERMISSIONS.json
"""

import json
import sys
from pathlib import Path

from dtool_lookup_server import create_app, utils

datasets, permissions = (json.loads(Path(path).read_text()) for path in sys.argv[1:])
names = ["grumpy", "sleepy", "librarian", "noone"]
with create_app().app_context():
    utils.register_users([{"username": name} for name in names])
    utils.register_users([{"username": "snow-white", "is_admin": True}])
    for base_uri, may_search, may_register in permissions:
        utils.register_base_uri(base_uri)
        utils.update_permissions(
            {
                "base_uri": base_uri,
                "users_with_search_permissions": may_search,
                "users_with_register_permissions": may_register,
            }
        )
    for info in datasets:
        utils.register_dataset_admin_metadata(info)
