"""Tools that every other package may use. They know nothing of scene graphs and import no other package of ours."""
