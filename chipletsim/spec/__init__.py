"""Files: reading, presets, overrides, validation with places, schema and reference."""
