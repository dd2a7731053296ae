"""``python -m runforrest infile outfile``."""

import sys

from . import main

sys.exit(main())
