"""`python -m sufficiency`: the same commands as run.py."""

import sys

from sufficiency.run.cli import main

if __name__ == "__main__":
    sys.exit(main())
