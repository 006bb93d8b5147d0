"""``python -m mmgym`` is the command ``mmgym``."""

from mmgym.cli import main

raise SystemExit(main())
