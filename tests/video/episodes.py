"""Episodes of the environments in which an agent answers by looking."""

from mmgym.spaces import ToolCall


def call(name, **arguments):
    return ToolCall(name, arguments)


def play(env, seed, **options):
    """The expert's episode: its calls, and the last info."""
    _, info = env.reset(seed=seed, options=options)
    steps, calls, done = info["expert_steps"], [], False
    while not done:
        calls.append(env.expert())
        *_, terminated, truncated, info = env.step(calls[-1])
        done = terminated or truncated
    assert len(calls) == steps
    return calls, info
