"""NIR files: read, flattened, turned into networks, and written."""
