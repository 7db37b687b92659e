"""The way in for others than the owner: an address of its own, where everyone is asked who they are."""
