"""The routes of 0.18's API: path, guard, schema in, schema out, one service."""
