"""Data of other tools: read into our own forms, and written so that they can read ours."""
