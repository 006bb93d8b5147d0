"""Contexts: what the model reads is what is said, and every sampled token is trained once, whatever the context.

The reference writes the texts itself and tokenizes each message apart; it knows nothing of codec or context.
"""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import WORDS, Watched, mixed_tasks, play, tiny

from mmgym.agent import Conversation
from mmgym.formats import parse
from mmgym.learn.learner import Learner, OptimizerConfig
from mmgym.learn.packing import supervised_row
from mmgym.rollout.augment import augment, augmentation_rng
from mmgym.spaces import Tool, ToolSpace
from mmgym.trajectory import EpisodeTask, ImageRef, ImageStore, Trajectory, Turn, segments
from mmgym_agents.codec import TemplateError
from mmgym_agents.context import Context, ContextPolicy, parse_context
from mmgym_agents.summary import PastTurn, past_turns, summarise_turns
from mmgym_agents.tiny import CHAT_TEMPLATE, build_tokenizer
from mmgym_agents.transformers_agent import Sampling, TransformersAgent
from mmgym_agents.vlm import VLM

SMALL, WIDE = np.full((32, 32, 3), 90, np.uint8), np.full((32, 64, 3), 30, np.uint8)
SPACE = ToolSpace([Tool("go", "")])
STRIPPED = CHAT_TEMPLATE.replace(
    "{{ render(message.content) }}<|im_end|>",
    "{% if message.role == 'assistant' %}{{ render(message.content).split('</think>')[-1].lstrip('\\n') }}"
    "{% else %}{{ render(message.content) }}{% endif %}<|im_end|>",
)
"""A template that leaves out the thinking of earlier turns."""
SWITCHED = STRIPPED.replace(
    "<|im_start|>assistant\n{% endif -%}",
    "<|im_start|>assistant\n{% if not enable_thinking %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif -%}",
)
"""One that has a switch besides, and writes an empty thinking where it is off."""
FORCED = STRIPPED.replace(
    "<|im_start|>assistant\n{% endif -%}", "<|im_start|>assistant\n{{ '<think>\\n' }}{% endif -%}"
)
"""One that opens the thinking itself."""
REQUEST = "write your reasoning inside <think></think> tags"


@pytest.fixture(scope="module")
def vlm():
    return tiny()


def with_template(vlm, template):
    tokenizer = build_tokenizer(WORDS)
    tokenizer.chat_template = template
    return VLM(vlm.model, tokenizer, vlm.image_processor)


@pytest.fixture(scope="module")
def codecs(vlm):
    """Codecs, each with what it writes where the assistant begins to speak."""
    switched = with_template(vlm, SWITCHED).codec
    return {
        "plain": (vlm.codec, ""),
        "stripped": (with_template(vlm, STRIPPED).codec, ""),
        "switched off": (switched, "<think>\n\n</think>\n\n"),
        "switched on": (switched.with_thinking(True), ""),
        "forced": (with_template(vlm, FORCED).codec, "<think>\n"),
    }


def message(role, *parts):
    content = [{"type": "text", "text": p} if isinstance(p, str) else {"type": "image", "image": p} for p in parts]
    return {"role": role, "content": content}


# --- what the words mean ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("full", ContextPolicy()),
        ("window(1)", ContextPolicy(1)),
        ("window(12)", ContextPolicy(12)),
        ("window(4)+summary", ContextPolicy(4, 600)),
        ("window(4)+summary(240)", ContextPolicy(4, 240)),
    ],
)
def test_contexts_are_read(text, policy):
    assert parse_context(text) == policy
    assert Sampling(context=text).context == text


@pytest.mark.parametrize(
    "text",
    "|Full|window|window(0)|window(-1)|window(2|full+summary|window(2)+summary(0)|window(2)+summary(239)|"
    "window(2)+summary()|window(2)+text|window(2) |window(2)+summary(600)x".split("|"),
)
def test_other_contexts_are_refused(text):
    with pytest.raises(ValueError, match=r"context must be full or window\(k\).*at least 240; got "):
        parse_context(text)


def test_a_summary_needs_a_place(vlm):
    for context in ("full", "window(2)"):
        with pytest.raises(ValueError, match=r"summarise is for window\(k\)\+summary"):
            TransformersAgent(vlm, Sampling(context=context), summarise=lambda turns: "x")


# --- summaries -------------------------------------------------------------------------------------------------------


def test_a_summary_says_what_was_done_and_what_came_back():
    turns = [
        PastTurn(1, "<think>a wall?</think>\n<action>up</action>", "There is\na wall."),
        PastTurn(2, "<action>left</action>"),
        PastTurn(3, " ", "No action found."),
        PastTurn(4, "x" * 200, "y" * 97),
    ]
    assert summarise_turns(turns).split("\n") == [
        "Earlier turns:",
        "1. <action>up</action> - There is a wall.",
        "2. <action>left</action>",
        "3. (nothing) - No action found.",
        f"4. {'x' * 93}... - {'y' * 93}...",
    ]
    assert summarise_turns([]) == ""
    with pytest.raises(ValueError, match="at least 240 characters; got 239"):
        summarise_turns(turns, 239)


TEXT = st.text("ab <>/\n", max_size=150)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=40), st.integers(240, 1500))
def test_a_summary_keeps_the_latest_turns_that_fit(said, characters):
    turns = [PastTurn(number + 1, *pair) for number, pair in enumerate(said)]
    lines = summarise_turns(turns, characters).split("\n")
    assert len("\n".join(lines)) <= characters and lines[0] == "Earlier turns:"
    left_out = int(lines[1][1:].split()[0]) if lines[1].endswith(" left out)") else 0
    shown = lines[2 if left_out else 1 :]
    assert [int(line.split(".")[0]) for line in shown] == list(range(left_out + 1, len(turns) + 1))
    if left_out:  # no room for one more
        everything = summarise_turns(turns, 10**6).split("\n")
        counted = [f"({left_out - 1} left out)"] if left_out > 1 else []
        assert len("\n".join([lines[0], *counted, *everything[left_out:]])) > characters


def test_a_summary_of_ones_own(vlm):
    seen = []

    def shout(turns):
        seen.append([(turn.number, turn.feedback) for turn in turns])
        return "LOUD" if len(turns) > 1 else ""

    conversation = Conversation(0, EpisodeTask("x", 0), SPACE)
    context, history, texts = Context(vlm.codec, "window(1)+summary", shout), [], []
    for number in range(3):
        conversation.messages.append(message("user", "look", SMALL))
        texts.append(vlm.codec.decode(context.prompt(conversation, history, True)[0].ids))
        context.remember(history, conversation, vlm.codec.answer("up"))
        conversation.messages.append(message("assistant", "up"))
        conversation.feedback.append(f"bump {number}")
    assert seen == [[(1, "bump 0")], [(1, "bump 0"), (2, "bump 1")]]
    assert [text.count("LOUD\nlook") for text in texts] == [0, 0, 1]
    assert not any("LOUD" in str(m) for m in conversation.messages)


# --- segments --------------------------------------------------------------------------------------------------------

CONTEXTS = ("full", "window(1)", "window(2)", "window(3)", "window(1)+summary", "window(2)+summary(240)", "own")
KINDS = ("plain", "stripped", "switched off", "switched on", "forced")
PARTS = st.lists(st.sampled_from([SMALL, WIDE]) | st.text("up down<>/.\n", max_size=12), min_size=1, max_size=3)
SAID = st.lists(st.sampled_from(["up", " left", "<think>", "</think>", "<action>", "no", "q"]), max_size=8)
STEPS = st.lists(st.tuples(PARTS, SAID, st.booleans(), TEXT), min_size=1, max_size=6)


def reading(vlm, opener, system, steps, kept, first_text):
    """Ids of the last `kept` user messages of `steps`, the sampled ids between them, `first_text` before the first."""
    tokenizer = vlm.tokenizer
    end, pad = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|image_pad|>"])
    ids = []
    for index, (parts, _, _, _) in enumerate(steps[-kept:]):
        text = ""
        if index == 0 and system:
            text = f"<|im_start|>system\n{system}<|im_end|>\n"
        elif index > 0:
            sampled = sampled_ids(vlm, steps[-kept:][index - 1])
            ids += sampled
            if not sampled or sampled[-1] != end:
                ids.append(end)
            text = "\n"
        shown = [first_text, *parts] if index == 0 and first_text else parts
        images = [part for part in shown if not isinstance(part, str)]
        text += "<|im_start|>user\n"
        text += "".join(p if isinstance(p, str) else "<|vision_start|><|image_pad|><|vision_end|>" for p in shown)
        text += f"<|im_end|>\n<|im_start|>assistant\n{opener}"
        for i in tokenizer(text, add_special_tokens=False)["input_ids"]:
            cells = images.pop(0).shape[1] // 32 if i == pad else 1
            ids += [i] * cells
    return ids


def sampled_ids(vlm, step):
    _, said, ended, _ = step
    return vlm.tokenizer.convert_tokens_to_ids([t.replace(" ", "Ġ") for t in said]) + ended * [vlm.codec.end_ids[0]]


def loud(turns):
    return "".join(f"[{turn.number}|{turn.answer}|{turn.feedback}]" for turn in turns)


SUMMARIES = {
    "own": loud,
    "window(1)+summary": summarise_turns,
    "window(2)+summary(240)": lambda turns: summarise_turns(turns, 240),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("context", CONTEXTS)
@settings(max_examples=12, deadline=None)
@given(steps=STEPS, system=st.sampled_from(["", "Rules."]), held=st.lists(st.booleans(), min_size=6, max_size=6))
def test_every_sampled_token_is_trained_once_where_it_was_read(vlm, codecs, kind, context, steps, system, held):
    codec, opener = codecs[kind]
    policy = Context(codec, "window(2)+summary", loud) if context == "own" else Context(codec, context)
    conversation, history = Conversation(0, EpisodeTask("x", 0), SPACE), []
    conversation.messages += [message("system", system)] if system else []
    if codec.thinking:
        request = codec.decode(codec.opening([message("user", "x")]).ids).split("<|im_end|>")[0].split("system\n")[1]
        system = f"{system}\n\n{request}" if system else request
    turns, read, current = [], [], []
    for number, step in enumerate(steps):
        conversation.messages.append(message("user", *step[0]))
        prompt, extends = policy.prompt(conversation, history, held[number])
        sampled = np.array(sampled_ids(vlm, step), np.int32)
        current = [*(current if extends else []), *prompt.ids.tolist()]
        older = number + 1 - (policy.window or 10**6)
        past = [PastTurn(i + 1, "".join(steps[i][1]), steps[i][3]) for i in range(max(0, older))]
        text = SUMMARIES[context](past) if past and context in SUMMARIES else ""
        kept = policy.window or 10**6
        assert current == reading(vlm, opener, system, steps[: number + 1], kept, text and f"{text}\n")
        current = [*current, *sampled.tolist()]
        read.append(current)
        pixels = [part for parts, _, _, _ in steps[: number + 1] for part in parts if not isinstance(part, str)]
        assert len(prompt.pixels) == len(prompt.images) <= len(pixels)
        assert all(a is b for a, b in zip(reversed(prompt.pixels), reversed(pixels), strict=False))
        logprobs = -np.arange(len(sampled), dtype=np.float32)
        turns.append(Turn(prompt.ids, prompt.images, sampled, logprobs, extends, ""))
        policy.remember(history, conversation, sampled)
        conversation.messages.append(message("assistant", codec.decode(sampled)))
        conversation.feedback.append(step[3])
    assert [turn.answer for turn in past_turns(conversation)] == ["".join(said) for _, said, _, _ in steps]
    found = segments(Trajectory(EpisodeTask("x", 0), turns))
    if context == "full":
        assert len(found) == 1 + sum(not kept for kept in held[1 : len(steps)])
    else:
        assert len(found) == len(steps)
    trained = Counter()
    for segment in found:
        owners = segment.turn[segment.trained].tolist()
        last = max((i for i, t in enumerate(turns) if segment.ids.tolist() == read[i]), default=None)
        assert last is not None and set(owners) <= set(range(last + 1))
        places = {owner: owners.count(owner) for owner in owners}
        for owner, count in places.items():
            ids = segment.ids[(segment.turn == owner) & segment.trained]
            assert ids.tolist() == turns[owner].sampled_ids.tolist() and count == len(ids)
            trained.update((owner, place) for place in range(count))
        assert sum(vlm.image_tokens(image) for image in segment.images) == (segment.ids == vlm.image_token_id()).sum()
    assert trained == Counter((i, place) for i, turn in enumerate(turns) for place in range(len(turn.sampled_ids)))


# --- thinking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [(), ("Rules.",)])
def test_thinking_is_asked_for_in_the_system_message(vlm, rules):
    messages = [*(message("system", text) for text in rules), message("user", "look", SMALL)]
    on, off = vlm.codec.with_thinking(True), vlm.codec
    texts = [codec.decode(codec.opening(messages).ids) for codec in (on, off)]
    assert REQUEST in texts[0].split("<|im_end|>")[0] and texts[0].startswith("<|im_start|>system\n" + "".join(rules))
    assert REQUEST not in texts[1]
    assert (on.thinking, off.thinking, on.with_thinking(False).thinking) == (True, False, False)
    assert vlm.codec.with_thinking(False) is vlm.codec and len(messages) == 1 + len(rules)
    sampled = on.answer("up")
    assert on.extension(messages[-1], sampled).ids.tolist() == off.extension(messages[-1], sampled).ids.tolist()


def test_thinking_is_skipped_by_the_parser(vlm):
    for text in ("<think>go?</think>go()", "go? no: </think>\ngo()"):
        assert [call.name for call in parse(text, SPACE, "call")] == ["go"]
    with pytest.raises(ValueError, match="thinking was not closed"):
        parse("<think>go()", SPACE, "call")


@pytest.mark.parametrize(("thinking", "opener"), [(False, "<think>\n\n</think>\n\n"), (True, "")])
def test_a_template_with_a_switch_is_given_it(vlm, thinking, opener):
    codec = with_template(vlm, SWITCHED).codec.with_thinking(thinking)
    user = message("user", "look", SMALL)
    expected = "<|im_start|>assistant\n" + opener
    for prompt in (codec.opening([user]), codec.extension(user, codec.answer("up"))):
        assert codec.decode(prompt.ids).endswith("<|im_end|>\n" + expected)


def test_other_changes_to_earlier_turns_are_still_refused(vlm):
    for changed in ("<think>\\n</think>none", "thought"):
        template = SWITCHED.replace("<think>\\n\\n</think>\\n\\n", changed)
        assert template != SWITCHED
        with pytest.raises(TemplateError, match="rewrites earlier turns"):
            with_template(vlm, template)


def test_a_thinking_model_plays(vlm):
    """Earlier thinking stays as it was sampled, though the template would leave it out: one segment."""
    changed = with_template(vlm, FORCED)
    rollout = play(Watched(changed, thinking=True), mixed_tasks("qwen3_vl")[:3])
    opened = changed.tokenizer("<|im_start|>assistant\n<think>\n", add_special_tokens=False)["input_ids"]
    for trajectory in rollout.trajectories:
        (segment,) = segments(trajectory)
        assert segment.turn.max() == len(trajectory.turns) - 1 > 0
        for turn in range(len(trajectory.turns)):
            start = np.flatnonzero(segment.turn == turn)[0]
            assert segment.ids[start - len(opened) : start].tolist() == opened
        assert REQUEST in changed.codec.decode(segment.ids)
    assert difference(changed, rollout) < 1e-4


# --- NoisyRollout ----------------------------------------------------------------------------------------------------


def noisy(name="gaussian_noise", strength=0.5):
    """Of each mixed task one clean member and two noisy ones."""
    tasks = [dataclasses.replace(task, group=i, noise=5) for i, task in enumerate(mixed_tasks("qwen3_vl"))]
    changes = [{"member": 0}, *({"member": m, "augmentation": name, "strength": strength} for m in (1, 2))]
    return [dataclasses.replace(task, **change) for task in tasks for change in changes]


def difference(vlm, rollout, temperature=1.0, change=lambda rows: rows, images=None):
    """Largest difference between the sampled log-probabilities and recomputed ones."""
    found = [s for t in rollout.trajectories for s in segments(t)]
    learner = Learner(vlm, OptimizerConfig(), temperature=temperature, max_tokens=2048)
    recomputed = learner.logprobs(change([supervised_row(s) for s in found]), images or rollout.images)
    pairs = zip(found, recomputed, strict=True)
    return max(float(np.abs(scores - s.logprobs[s.trained]).max()) for s, scores in pairs if s.trained.any())


def seen_by(watched, key, turn):
    """All pictures that an episode had been shown when its turn was answered."""
    users = [m for m in watched.conversations[key].messages if m["role"] == "user"][: turn + 1]
    return [part["image"] for m in users for part in m["content"] if part["type"] == "image"]


@pytest.mark.parametrize(
    "context, name",
    [
        ("window(2)+summary", "gaussian_noise"),
        ("full", "shift"),
        pytest.param("full", "gaussian_noise", marks=pytest.mark.slow),
        pytest.param("window(2)+summary", "shift", marks=pytest.mark.slow),
    ],
)
def test_noisy_members_see_noise_and_refer_to_clean_pictures(vlm, context, name):
    watched = Watched(vlm, context=context)
    rollout = play(watched, noisy(name, 1.0 if name == "shift" else 0.5))
    altered, row_images = ImageStore(), []
    for key, trajectory in enumerate(rollout.trajectories):
        task = trajectory.task
        assert trajectory.augmented == task.strength == (0 if task.member == 0 else (1.0 if name == "shift" else 0.5))
        first = rollout.trajectories[key - task.member].turns[0]
        assert trajectory.turns[0].prompt_ids.tolist() == first.prompt_ids.tolist()
        assert trajectory.turns[0].images == first.images
        clean = []
        for number in range(len(trajectory.turns)):  # what was new in the turn is altered by the turn's own generator
            new = seen_by(watched, key, number)[len(clean) :]
            refs = trajectory.turns[number].images[-len(new) :]
            rng = augmentation_rng(task, number)
            for image, ref in zip(new, refs, strict=True):
                expected = rollout.images[ref]
                if task.member:
                    expected = augment(expected, name, task.strength, rng)
                assert np.array_equal(image, expected)
            clean += refs
        for segment in segments(trajectory):
            last = int(segment.turn.max())
            pictures = seen_by(watched, key, last)[-len(segment.images) :]
            row_images.append(tuple(altered.add(image) for image in pictures))
            count = len(seen_by(watched, key, last))
            assert segment.images == tuple(clean[count - len(pictures) : count])

    def as_seen(rows):
        return [dataclasses.replace(row, images=refs) for row, refs in zip(rows, row_images, strict=True)]

    assert difference(vlm, rollout, change=as_seen, images=altered) < 1e-4
    assert difference(vlm, rollout) > 1e-2
    rollout.trajectories = [t for t in rollout.trajectories if not t.augmented]
    assert difference(vlm, rollout) < 1e-4


def test_noisy_members_are_repeated_and_differ(vlm):
    tasks = noisy()[:3]
    shown = []
    for changed in (tasks, tasks, [dataclasses.replace(task, noise=6) for task in tasks]):
        watched = Watched(vlm)
        play(watched, changed)
        shown.append([ImageRef.of(seen_by(watched, key, 0)[0]) for key in range(3)])
    assert shown[0] == shown[1] and len({*shown[0], *shown[2]}) == 5


def test_a_summary_plays(vlm):
    watched = Watched(vlm, context="window(1)+summary", temperature=2.0)
    rollout = play(watched, mixed_tasks("qwen3_vl"))
    assert difference(vlm, rollout, 2.0) < 1e-4
    for key, trajectory in enumerate(rollout.trajectories):
        assert watched.conversations[key].feedback == [turn.feedback for turn in trajectory.turns]
        for number, turn in enumerate(trajectory.turns):
            past = [PastTurn(i + 1, t.text, t.feedback) for i, t in enumerate(trajectory.turns[:number])]
            text = vlm.codec._disarm(summarise_turns(past))
            assert vlm.codec.decode(turn.prompt_ids).startswith("<|im_start|>user\n" + (text and f"{text}\n"))
    assert any(turn.feedback for t in rollout.trajectories for turn in t.turns)
