"""`python -m sgg.evaluate`."""

from .evaluation import main

if __name__ == "__main__":
    raise SystemExit(main())
