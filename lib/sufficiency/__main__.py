"""`python -m sufficiency`: the same commands as run.py."""

from sufficiency.run.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
