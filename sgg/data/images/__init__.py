"""Image files: their pixels, and their headers, which need no decoding."""
