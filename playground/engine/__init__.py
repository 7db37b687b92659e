"""Models, loaded and shared: one manager, one protocol, several engines. Knows nothing of conversations or pages."""
