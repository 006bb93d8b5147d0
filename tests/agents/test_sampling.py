"""Sampling: noise belongs to the episode and not to the batch; what may not be sampled is not; limits cut no image."""

import dataclasses

import numpy as np
import pytest
import torch
from machinery import FAULTY
from playing import Watched, assert_equal_draws, drawn, lakes, mixed_tasks, play, teach_format, tiny

from mmgym.learn.learner import Learner, OptimizerConfig, check_image_tokens
from mmgym.learn.packing import supervised_row
from mmgym.trajectory import EpisodeTask, Status, segments
from mmgym_agents import transformers_agent
from mmgym_agents.transformers_agent import Sampling, TransformersAgent, _draw


@pytest.fixture(scope="module")
def vlm():
    return teach_format(tiny(), "qwen3_vl", steps=15)


@pytest.fixture(scope="module")
def undisturbed(vlm):
    return {c: play(Watched(vlm, context=c), mixed_tasks("qwen3_vl")) for c in ("full", "window(1)", "window(2)")}


def rescored(vlm, rollout, temperature=1.0):
    """Largest difference between sampled and recomputed log-probabilities."""
    found = [s for t in rollout.trajectories for s in segments(t)]
    scores = Learner(vlm, OptimizerConfig(), temperature).logprobs([supervised_row(s) for s in found], rollout.images)
    return max(np.abs(a - s.logprobs[s.trained]).max() for a, s in zip(scores, found, strict=True))


@pytest.mark.parametrize("context", ["full", "window(2)"])
def test_draws_do_not_depend_on_how_batches_are_made(vlm, undisturbed, context):
    tasks, expected = mixed_tasks("qwen3_vl"), undisturbed[context]
    assert len({str(turns) for turns in drawn(expected)}) > len(tasks) / 2
    assert_equal_draws(play(Watched(vlm, context=context, max_rows=2), tasks), expected)
    assert_equal_draws(play(Watched(vlm, context=context), tasks, live=3), expected)
    backwards = play(Watched(vlm, context=context), tasks[::-1])
    backwards.trajectories.reverse()
    assert_equal_draws(backwards, expected)


def test_the_tower_reads_a_bounded_number_of_pictures_at_once(vlm, undisturbed, monkeypatch):
    seen, run = [], vlm.image_features

    def watched(pictures):
        seen.append([picture.tobytes() for picture in pictures])
        return run(pictures)

    monkeypatch.setattr(vlm, "image_features", watched)
    monkeypatch.setattr(transformers_agent, "MAX_TOKENS", 8)  # two pictures of 64 pixels square
    assert_equal_draws(play(Watched(vlm), mixed_tasks("qwen3_vl")), undisturbed["full"])
    assert max(map(len, seen)) == 2
    assert len({picture for some in seen for picture in some}) == sum(map(len, seen)), "none is read twice"


class Uneven(Watched):
    """Twice serves all episodes, then every second one before the others: some rest while others go on."""

    def act_batch(self, conversations):
        responses = {}
        parts = (conversations[1::2], conversations[::2]) if len(self.batches) > 1 else (conversations,)
        for part in parts:
            if part:
                answers = super().act_batch(part)
                responses.update({c.key: r for c, r in zip(part, answers, strict=True)})
        return [responses[c.key] for c in conversations]


@pytest.mark.parametrize("context", ["full", "window(2)"])
def test_draws_without_lockstep(vlm, undisturbed, context):
    """Some episodes rest while others go on: their cache is set aside."""

    assert_equal_draws(play(Uneven(vlm, context=context), mixed_tasks("qwen3_vl")), undisturbed[context])


def test_noise_is_keyed_by_run_group_and_member(vlm):
    task = lakes("qwen3_vl", 1)[0]
    changed = [dataclasses.replace(task, **change) for change in ({}, {"noise": 8}, {"group": 5}, {"member": 1})]
    answers = [str(turns) for turns in drawn(play(Watched(vlm, temperature=3.0), [*changed, task]))]
    assert answers[0] == answers[4] and len(set(answers)) == 4


@pytest.mark.parametrize("kind", [Watched, Uneven])
def test_a_retried_episode_samples_as_if_undisturbed(vlm, tmp_path, kind):
    """Its key comes back while its old row still lies in the others' cache."""

    def tasks(**options):
        kwargs = {"image_size": 64, "max_turns": 5}
        return [EpisodeTask(FAULTY, s, kwargs=kwargs, options=options if s == 1 else {}, group=s) for s in range(3)]

    expected = play(Watched(vlm), tasks())
    found = play(kind(vlm), tasks(fault="raise", at=2, once=str(tmp_path / "once")))
    assert (found.retried, found.failed) == (1, 0)
    assert_equal_draws(found, expected)
    assert rescored(vlm, found) < 1e-4


def test_greedy_takes_the_likeliest_token(vlm):
    rollout = play(Watched(vlm, greedy=True), mixed_tasks("qwen3_vl"))
    found = [s for t in rollout.trajectories for s in segments(t)]
    likeliest = Learner(vlm, OptimizerConfig()).predictions([supervised_row(s) for s in found], rollout.images)
    for ids, segment in zip(likeliest, found, strict=True):
        assert ids.tolist() == segment.ids[segment.trained].tolist()
    assert rescored(vlm, rollout) < 1e-4
    other = [dataclasses.replace(task, noise=99) for task in mixed_tasks("qwen3_vl")]
    assert drawn(play(Watched(vlm, greedy=True), other)) == drawn(rollout)


@pytest.mark.parametrize("temperature", [0.3, 2.5])
def test_temperature_divides_the_logits(vlm, temperature):
    rollout = play(Watched(vlm, temperature=temperature), mixed_tasks("qwen3_vl")[:4])
    assert rescored(vlm, rollout, temperature) < 1e-4 and rescored(vlm, rollout) > 0.05
    (segment,) = segments(rollout.trajectories[0])
    trained = torch.from_numpy(np.flatnonzero(segment.trained))
    ids = torch.from_numpy(segment.ids.astype(np.int64))[None]
    positions = torch.from_numpy(vlm.positions(segment.ids, segment.images).copy())[:, None]
    with torch.no_grad():
        features = vlm.image_features([rollout.images[ref] for ref in segment.images])
        taken = features.take(range(len(segment.images)))
        logits = vlm.logits(vlm.token_hidden(ids, positions, taken, torch.zeros_like(trained), trained))
        logits = logits.double() / temperature
    chosen = logits.gather(1, ids[0, trained][:, None])[:, 0]
    expected = (chosen - logits.exp().sum(-1).log()).numpy()
    assert np.abs(expected - segment.logprobs[segment.trained]).max() < 1e-4


def test_draws_follow_the_distribution():
    """Inversion by the uniform number; tokens of probability 0 are never drawn, not even at the ends."""
    logprobs = torch.log(torch.tensor([[0.0, 0.25, 0.0, 0.75, 0.0]]))
    uniform = torch.tensor([0.0, 0.2499, 0.2501, 0.9999, 1.0 - 2**-53, 1.0], dtype=torch.float64)
    assert _draw(logprobs, torch.zeros(6, dtype=torch.long), uniform).tolist() == [1, 1, 3, 3, 3, 3]
    many = torch.from_numpy(np.random.default_rng(0).random(20_000))
    counts = torch.bincount(_draw(logprobs, torch.zeros(20_000, dtype=torch.long), many), minlength=5)
    assert counts[[0, 2, 4]].sum() == 0 and abs(float(counts[1]) / 20_000 - 0.25) < 0.015


@pytest.mark.parametrize("greedy", [False, True])
def test_placeholders_are_never_sampled(greedy):
    """Even when the model finds them far likelier than anything else."""
    vlm = tiny()
    names = ["<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"]
    banned = vlm.tokenizer.convert_tokens_to_ids(names)
    head = torch.nn.Linear(vlm.model.lm_head.in_features, vlm.model.lm_head.out_features)
    with torch.no_grad():
        head.weight.copy_(vlm.model.lm_head.weight)
        head.bias.zero_()[banned] = 1000.0
    vlm.model.lm_head = head
    assert int(head(torch.randn(1, head.in_features)).argmax()) in banned
    rollout = play(Watched(vlm, greedy=greedy), mixed_tasks("qwen3_vl"))
    sampled = np.concatenate([turn.sampled_ids for t in rollout.trajectories for turn in t.turns])
    assert len(sampled) > 50 and not np.isin(sampled, banned).any()
    assert rescored(vlm, rollout) < 1e-4


@pytest.mark.parametrize("context", ["full", "window(2)"])
def test_a_full_context_truncates_and_cuts_no_image(context):
    vlm = tiny(max_context=190)
    rollout = play(Watched(vlm, context=context), mixed_tasks("qwen3_vl"))
    played = [(len(t.turns), t.task.kwargs["max_turns"], t) for t in rollout.trajectories]
    cut = [t for turns, limit, t in played if turns < limit and not t.turns[-1].terminated]
    assert cut, "some episodes must not fit, else this tests nothing"
    for trajectory in rollout.trajectories:
        found = segments(trajectory)
        check_image_tokens([supervised_row(s) for s in found], vlm)
        assert all(len(s.ids) <= 190 for s in found)
    for trajectory in cut:
        assert trajectory.status is Status.TRUNCATED and not trajectory.success
        assert trajectory.turns[-1].truncated and trajectory.final_image is not None
    assert rescored(vlm, rollout) < 1e-4


def test_a_context_too_small_for_the_first_message():
    rollout = play(Watched(tiny(max_context=16)), lakes("qwen3_vl", 2))
    assert all(t.status is Status.TRUNCATED and t.turns == [] for t in rollout.trajectories)
    assert all(segments(t) == [] for t in rollout.trajectories)


@pytest.mark.parametrize("context", ["full", "window(2)"])
def test_new_weights_in_mid_episode_start_a_new_sequence(context):
    vlm = tiny()
    old = {name: value.clone() for name, value in vlm.model.state_dict().items()}

    class Trained(Watched):
        def act_batch(self, conversations):
            if len(self.batches) == 2:
                with torch.no_grad():
                    for parameter in vlm.model.parameters():
                        parameter.mul_(1.1)
                self.agent.weights_changed(1)
            return super().act_batch(conversations)

    rollout = play(Trained(vlm, context=context), lakes("qwen3_vl", 3, max_turns=5))
    new = {name: value.clone() for name, value in vlm.model.state_dict().items()}
    for trajectory in rollout.trajectories:
        assert [turn.version for turn in trajectory.turns] == [0, 0, 1, 1, 1]
        if context == "full":
            assert [turn.extends for turn in trajectory.turns] == [False, True, False, True, True]
            before, after = segments(trajectory)
            assert after.ids[: len(before.ids)].tolist() == before.ids.tolist()
            assert sorted({int(i) for i in after.turn if i >= 0}) == [2, 3, 4]
    for version, weights in enumerate((old, new)):
        vlm.model.load_state_dict(weights)
        found = [(trajectory, s) for trajectory in rollout.trajectories for s in segments(trajectory)]
        rows = [supervised_row(s) for _, s in found]
        recomputed = Learner(vlm, OptimizerConfig()).logprobs(rows, rollout.images)
        for scores, (trajectory, segment) in zip(recomputed, found, strict=True):
            versions = np.array([trajectory.turns[i].version for i in segment.turn[segment.trained]])
            difference = np.abs(scores - segment.logprobs[segment.trained])
            assert (versions == versions[0]).all()
            assert (difference.max() < 1e-4) == (versions[0] == version)


def test_nothing_is_kept_of_an_episode_that_is_over(vlm):
    watched = Watched(vlm)
    play(watched, lakes("qwen3_vl", 3))
    assert watched.agent._sessions == {} and watched.agent._features is None
    first = play(watched, lakes("qwen3_vl", 3))
    assert_equal_draws(first, play(Watched(vlm), lakes("qwen3_vl", 3)))


def test_weights_that_are_not_finite_are_noticed():
    vlm = tiny()
    with torch.no_grad():
        next(vlm.model.model.language_model.layers[0].parameters()).fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="not finite"):
        play(TransformersAgent(vlm), lakes("qwen3_vl", 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0; got 0.0"),
        ({"temperature": float("nan")}, "temperature must be above 0"),
        ({"max_new_tokens": 0}, "must be at least 1"),
        ({"context": "window(0)"}, "window"),
        ({"context": "last"}, "full or window"),
    ],
)
def test_wrong_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**change)
