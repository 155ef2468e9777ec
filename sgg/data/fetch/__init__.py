"""Published data sets: their addresses, and how their files are downloaded, checked and unpacked."""
