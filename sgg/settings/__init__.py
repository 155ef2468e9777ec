"""The language in which settings are declared: sections, roles, and defaults that depend on other settings."""
