"""The reference of all settings: as text for readers, as a JSON schema for editors."""
