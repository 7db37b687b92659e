"""Playground: work with language models privately, on one's own machine."""

__version__ = "0.1.0"
