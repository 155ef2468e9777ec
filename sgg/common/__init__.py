"""What every other package may use. Nothing here knows of scene graphs; this imports no other package of ours."""
