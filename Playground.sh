#!/bin/sh
# Starts launch.py with the first Python that is new enough.
for python in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" "$(dirname "$0")/launch.py" "$@"
    fi
done
echo "Playground needs Python 3.11 or newer, and none was found. Install it, then start again." >&2
exit 2
