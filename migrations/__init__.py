"""The steps that bring a database to the tables of sql_models.

Installed as dtool_lookup_server.migrations, and found there by `flask db upgrade`.
"""
