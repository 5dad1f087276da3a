"""A sync as configuration: model, loading, validation, presets, expressions."""
