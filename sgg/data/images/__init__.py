"""Image files: their pixels, and what is known of them without decoding."""
