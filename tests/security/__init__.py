"""Input of strangers: what is shown of it in a real browser, and what is read of it."""
