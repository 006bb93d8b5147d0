"""Any Gymnasium environment with a picture and discrete actions, as an mmgym environment: `mmgym.wrap`."""

import gymnasium as gym

from mmgym.wrapped.env import ENTRY_POINT, ID, Wrapped
from mmgym.wrapped.make import wrap, wrapped_entry
from mmgym.wrapped.success import Ending

__all__ = ["ENTRY_POINT", "ID", "Ending", "Wrapped", "wrap", "wrapped_entry"]

gym.register(ID, entry_point=ENTRY_POINT)
