"""Long documents read to the end: cut into parts, summarized one by one and together, with a receipt."""
