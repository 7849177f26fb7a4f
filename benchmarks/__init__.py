"""Speed and fidelity, each a command with a table."""
