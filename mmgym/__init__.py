"""mmgym: a gym for multimodal agents. Importing it makes every installed environment known to `gymnasium.make`."""

from mmgym import shared_text as shared_text  # text in AsyncVectorEnv's shared memory, by being imported
from mmgym.env import SPLITS, Capabilities, Effect, MachineryFailure, MultimodalEnv, Unsupported, unwrap
from mmgym.parts import AudioSpace, PartsSpace
from mmgym.registry import EnvironmentEntry, Plugin, entries, entry, load_plugins, register
from mmgym.rewards import RewardSpec, RewardTerms, TermSpec
from mmgym.spaces import InvalidAction, Parameter, TextSpace, Tool, ToolCall, ToolSpace, tool
from mmgym.wrapped import Wrapped, wrap, wrapped_entry

__version__ = "0.1.0"

__all__ = [
    "SPLITS",
    "AudioSpace",
    "Capabilities",
    "Effect",
    "EnvironmentEntry",
    "InvalidAction",
    "MachineryFailure",
    "MultimodalEnv",
    "Parameter",
    "PartsSpace",
    "Plugin",
    "RewardSpec",
    "RewardTerms",
    "TermSpec",
    "TextSpace",
    "Tool",
    "ToolCall",
    "ToolSpace",
    "Unsupported",
    "Wrapped",
    "__version__",
    "entries",
    "entry",
    "load_plugins",
    "register",
    "tool",
    "unwrap",
    "wrap",
    "wrapped_entry",
]

load_plugins()
