"""An Otter Wiki: tasks in a wiki that was written for people."""

from __future__ import annotations

from mmgym_web.apps.env import AppEnv
from mmgym_web.apps.wiki import WikiEpisode
from mmgym_web.apps.wiki_tasks import TEMPLATES

__all__ = ["OtterWiki"]


class OtterWiki(AppEnv):
    """Find, read, write, rename and restore pages in An Otter Wiki, a wiki on a git repository.

    ## Description
    An Otter Wiki 2.26 runs inside the environment as it is: its pages, its editor (CodeMirror, a rich one), its git
    repository with its history. From the seed come 8 to 12 pages on rooms, machines and projects, and who changed what
    when. The agent is known to the wiki as one of the people. Nothing was built for the tasks; formulas and diagrams,
    for which the editor would load 7 MB of scripts each time, are left out.

    ## Action space
    Tools of a mouse, a keyboard and a browser, see `mmgym_web.env.WebEnv`.

    ## Observation space
    That of `mmgym_web.env.WebEnv`: `task`, `image`, `text` (the accessibility tree), `url`, `title`, `feedback`.

    ## Starting state
    The home page, with content drawn from the seed. Names of people and pages, and the sentences that ask, belong to
    one split each, by their hash. `options["task"]` names a template, whose level then stands instead of the asked one;
    `"any"`, the default, draws among those of the level.

    ## Rewards
    1 when the task is solved (term `outcome`), else 0.

    ## Episode end
    Terminated with success as soon as what had to change in the files of the wiki's repository changed *and nothing
    else did*; tasks that ask something end with `answer(text)`. Truncated after three times the fewest turns, and six.

    ## Arguments
    Those of `mmgym_web.env.WebEnv`, and
    - `task`: the template of every episode, as in `options["task"]`, which stands before it; `"any"`, the default.

    Needs `pip install mmgym[web-apps]`, and git.

    | level | tasks |
    |---|---|
    | 1 | `wiki_open`, `wiki_fact` |
    | 2 | `wiki_last_editor`, `wiki_append` |
    | 3 | `wiki_count_owned`, `wiki_most_seats`, `wiki_set_fact`, `wiki_delete` |
    | 4 | `wiki_previous`, `wiki_undo`, `wiki_create`, `wiki_rename` |
    | 5 | `wiki_hand_over` |

    ## Version history
    - v0: first version.
    """

    instruction = (
        "You use a wiki in a web browser. You see the page and are told what to do. Work with mouse and keyboard: "
        "click into a text before you type, scroll to see more; the pencil opens the editor, the disk saves. If you "
        "are asked something, give the answer alone with answer(text). Change nothing that you were not asked to "
        "change."
    )
    episode_class = WikiEpisode
    templates = TEMPLATES
