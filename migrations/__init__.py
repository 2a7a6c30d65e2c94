"""How the database gets the tables that this version of the server needs."""
