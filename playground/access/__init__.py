"""Who may come in besides the owner, how long, and how much of the machine they may use."""
