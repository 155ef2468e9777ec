"""Downloads of published data sets: where they are, how they are fetched, checked and unpacked."""
