"""The conformance suite: what every mmgym environment keeps, checked on yours by one call.

    from mmgym.testing import check_conformance
    check_conformance("my/Environment-v0")

Each check is a small function that takes a way to build the environment and fails with an exception.
"""

from mmgym.testing.conformance import check_conformance
from mmgym.testing.helpers import INFO_TYPES

__all__ = ["INFO_TYPES", "check_conformance"]
