"""The embedded plugins, which keep all they need in the server's own database."""

from .retrieve import SQLRetrieve
from .search import SQLSearch

__all__ = ["SQLRetrieve", "SQLSearch"]
