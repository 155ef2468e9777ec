"""The settings described: as text for people, as a JSON schema for editors."""
