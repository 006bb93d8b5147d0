"""Roundup: tasks in an issue tracker that was written for people."""

from __future__ import annotations

from mmgym_web.apps.env import AppEnv
from mmgym_web.apps.tracker import TrackerEpisode
from mmgym_web.apps.tracker_tasks import TEMPLATES

__all__ = ["Roundup"]


class Roundup(AppEnv):
    """Find, read, change and enter issues in Roundup, an issue tracker that many projects use.

    ## Description
    Roundup 2.6 runs inside the environment as it is: its pages, its forms, its database. From the seed come six people,
    five keywords, and 8 to 16 issues with their messages. The agent is logged in as one of the people. Nothing was
    built for the tasks: what is asked is what people do with a tracker.

    ## Action space
    Tools of a mouse, a keyboard and a browser, see `mmgym_web.env.WebEnv`.

    ## Observation space
    That of `mmgym_web.env.WebEnv`: `task`, `image`, `text` (the accessibility tree), `url`, `title`, `feedback`.

    ## Starting state
    The list of open issues, with content drawn from the seed. People's names, issue titles and the sentences that ask
    belong to one split each, by their hash; the split `ood` is about a web shop instead of an office.
    `options["task"]` names a template, whose level then stands instead of the asked one; `"any"`, the default, draws
    among those of the level.

    ## Rewards
    1 when the task is solved (term `outcome`), else 0.

    ## Episode end
    Terminated with success as soon as what had to change in Roundup's database changed *and nothing else did*; tasks
    that ask something end with `answer(text)`. Truncated after three times the fewest turns, and six.

    ## Arguments
    Those of `mmgym_web.env.WebEnv`, and
    - `task`: the template of every episode, as in `options["task"]`, which stands before it; `"any"`, the default.

    Needs `pip install mmgym[web-apps]`.

    | level | tasks |
    |---|---|
    | 1 | `tracker_open`, `tracker_assignee`, `tracker_priority` |
    | 2 | `tracker_creator`, `tracker_status`, `tracker_set_priority`, `tracker_note` |
    | 3 | `tracker_assign`, `tracker_create`, `tracker_count` |
    | 4 | `tracker_close`, `tracker_profile`, `tracker_duplicate` |
    | 5 | `tracker_resolve_all`, `tracker_hand_over` |

    ## Version history
    - v0: first version.
    """

    instruction = (
        "You use an issue tracker in a web browser, logged in. You see the page and are told what to do. Work with "
        "mouse and keyboard: click a field before you type into it, scroll to see more. If you are asked something, "
        "give the answer alone with answer(text). Change nothing that you were not asked to change."
    )
    episode_class = TrackerEpisode
    templates = TEMPLATES
