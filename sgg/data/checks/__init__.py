"""What is checked in annotations and images before a run reads them."""
