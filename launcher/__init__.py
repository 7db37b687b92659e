"""What launch.py needs to make .venv: standard library only, knows nothing of the app."""
