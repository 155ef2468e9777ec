"""Parts of relation heads that more than one head is made of."""
