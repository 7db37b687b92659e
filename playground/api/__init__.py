"""HTTP for programs: health now, more later; and the guard before every request."""
