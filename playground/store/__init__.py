"""Everything a person says or is told, in one SQLite file. Knows nothing of models, engines or pages."""

from playground.store import lean as lean  # First, before anything here imports sqlite-utils.
from playground.store.database import Database, DatabaseReport
from playground.store.history import History, Window

__all__ = ["Database", "DatabaseReport", "History", "Window"]
