"""What was sampled is what is trained: ids, pixels, positions and log-probabilities, for all model classes.

The references are built without the code under test (`class_references`): texts by hand, ids by the class's own
processor, log-probabilities by transformers' plain forward on a model loaded from a folder.
"""

import numpy as np
import pytest
import torch
from class_references import REFERENCES, expected_ids, pictures_of
from playing import Watched, mixed_tasks, play, teach_format, tiny
from transformers import AutoModelForImageTextToText

from mmgym.learn.learner import Learner, OptimizerConfig
from mmgym.learn.packing import supervised_row
from mmgym.trajectory import segments

SHAPES = {
    "qwen3_vl": {},
    "qwen2_5_vl": {},
    "smolvlm": {"tiles_per_side": 2},
    "internvl": {"tiles_per_side": 2},
    "gemma3": {"sliding_window": 24},
}
CASES = [(family, context) for family in ("qwen3_vl", "qwen2_5_vl") for context in ("full", "window(1)", "window(3)")]
CASES += [(family, context) for family in ("smolvlm", "internvl", "gemma3") for context in ("full", "window(3)")]
TEMPERATURE = 0.8


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Per family the model and its twin, loaded by transformers from the saved folder."""
    made = {}
    for family, shape in SHAPES.items():
        vlm = teach_format(tiny(family, **shape), family, steps=20 if "qwen" in family else 10)
        path = tmp_path_factory.mktemp(family)
        vlm.save(path)
        made[family] = vlm, AutoModelForImageTextToText.from_pretrained(path).eval()
    return made


@pytest.fixture(scope="module")
def played(models):
    """Per family and context: the model, its twin, what was played, and the conversations."""
    found = {}
    for family, context in CASES:
        vlm, twin = models[family]
        watched = Watched(vlm, context=context, temperature=TEMPERATURE)
        rollout = play(watched, mixed_tasks(family), prompt="full" if context == "window(3)" else "minimal")
        found[family, context] = vlm, twin, rollout, watched.conversations
    return found


@pytest.fixture(params=CASES, ids="-".join)
def case(request, played):
    return (*played[request.param], *request.param)


def test_segments_hold_what_the_conversation_showed(case):
    vlm, _, rollout, conversations, family, context = case
    window = {"full": 10**6, "window(1)": 1, "window(3)": 3}[context]
    for key, trajectory in enumerate(rollout.trajectories):
        messages = conversations[key].messages
        system = [m for m in messages if m["role"] == "system"]
        users = [m for m in messages if m["role"] == "user"]
        answers = [turn.sampled_ids for turn in trajectory.turns]
        found = segments(trajectory)
        assert len(found) == (1 if context == "full" else len(trajectory.turns))
        for number, segment in enumerate(found):
            last = len(answers) if context == "full" else number + 1
            first = max(0, last - window)
            shown = users[first:last]
            assert segment.ids.tolist() == expected_ids(vlm, family, [*system, *shown], answers[first:last])
            pixels = pictures_of(shown)
            assert len(pixels) == len(segment.images)
            for image, ref in zip(pixels, segment.images, strict=True):
                assert np.array_equal(rollout.images[ref], image)


def test_every_sampled_token_is_in_one_segment(case):
    rollout = case[2]
    for trajectory in rollout.trajectories:
        found = segments(trajectory)
        ids = np.concatenate([s.ids[s.trained] for s in found])
        turn = np.concatenate([s.turn[s.trained] for s in found])
        logprobs = np.concatenate([s.logprobs[s.trained] for s in found])
        assert ids.tolist() == [i for t in trajectory.turns for i in t.sampled_ids.tolist()]
        assert turn.tolist() == [n for n, t in enumerate(trajectory.turns) for _ in t.sampled_ids]
        assert np.array_equal(logprobs, np.concatenate([t.logprobs for t in trajectory.turns]))
        assert (logprobs <= 0).all() and np.isfinite(logprobs).all()


def test_the_episodes_are_worth_testing(played):
    """Valid and invalid answers, ended and cut ones, feedback, images of two sizes, episodes of many lengths."""
    valid, ended = set(), set()
    for vlm, _, rollout, _ in played.values():
        lengths = [len(t.turns) for t in rollout.trajectories]
        turns = [turn for t in rollout.trajectories for turn in t.turns]
        assert len(set(lengths)) >= 3 and max(lengths) >= 4
        assert any(turn.feedback for turn in turns)
        assert any(len(turn.images) > 2 for turn in turns)
        assert len({image.width for turn in turns for image in turn.images}) == 2
        valid |= {turn.terms["valid"] for turn in turns}
        ended |= {int(turn.sampled_ids[-1]) in vlm.codec.end_ids for turn in turns}
    assert valid == {0.0, 1.0} and ended == {True, False}


def test_the_learner_recomputes_the_samplers_log_probabilities(case):
    vlm, _, rollout, *_ = case
    found = [s for t in rollout.trajectories for s in segments(t)]
    rows = [supervised_row(s) for s in found]
    learner = Learner(vlm, OptimizerConfig(), temperature=TEMPERATURE, max_tokens=2048)
    for segment, logprobs in zip(found, learner.logprobs(rows, rollout.images), strict=True):
        assert np.abs(logprobs - segment.logprobs[segment.trained]).max() < 1e-4


def test_transformers_recomputes_the_samplers_log_probabilities(case):
    vlm, twin, rollout, _, family, _ = case
    reference = REFERENCES[family](vlm)
    for trajectory in rollout.trajectories:
        for segment in segments(trajectory):
            pixels = [rollout.images[ref] for ref in segment.images]
            ids = torch.from_numpy(segment.ids.astype(np.int64))[None]
            assert int((ids == twin.config.image_token_id).sum()) == sum(map(vlm.image_tokens, segment.images))
            logits = reference.forward(twin, ids, pixels) / TEMPERATURE
            trained = torch.from_numpy(np.flatnonzero(segment.trained))
            expected = torch.log_softmax(logits, -1)[trained - 1, ids[0, trained]].numpy()
            assert np.abs(expected - segment.logprobs[segment.trained]).max() < 1e-4


def test_positions_are_the_models_own(case):
    vlm, twin, rollout, _, family, _ = case
    for segment in segments(rollout.trajectories[-1]):
        positions = vlm.positions(segment.ids, segment.images)
        if "qwen" not in family:
            assert positions.tolist() == [list(range(len(segment.ids)))] * 3
            continue
        ids = torch.from_numpy(segment.ids.astype(np.int64))[None]
        seen = vlm.image_processor(images=[rollout.images[ref] for ref in segment.images], return_tensors="pt")
        extra = REFERENCES[family](vlm).extra(ids, twin, seen)
        assert np.array_equal(positions, extra["position_ids"][:, 0].numpy())
