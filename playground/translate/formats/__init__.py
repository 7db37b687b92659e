"""Files taken apart into segments and put together again: with the same texts, the same bytes."""
