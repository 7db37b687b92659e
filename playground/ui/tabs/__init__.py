"""One builder per tab. Tabs never import tabs."""
