"""sqlite-utils without pandas and numpy: it imports both where they are installed, only to know their types.

None of those is written here, and the two would be three fifths of the time in which a command starts.
"""

from __future__ import annotations

import sys

_UNUSED = [name for name in ("pandas", "numpy") if name not in sys.modules]
for _name in _UNUSED:
    sys.modules[_name] = None  # type: ignore[assignment] # To whoever imports it now, it is not installed.
try:
    import sqlite_utils as sqlite_utils
finally:
    for _name in _UNUSED:
        del sys.modules[_name]
