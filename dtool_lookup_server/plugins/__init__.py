"""Plugins: their interfaces, how they are found, and the built-in ones."""
