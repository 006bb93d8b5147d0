"""The probe after an update: a follower that has the weights passes, one that has not is found.

The follower is a second copy of the model behind a sampler that keeps image features until it is told to forget.
"""

import numpy as np
import pytest
import torch
from playing import lakes, play, tiny

from mmgym.agent import Conversation, EncodedPrompt
from mmgym.learn.learner import GuardError
from mmgym.learn.weight_sync import WeightSync
from mmgym.trajectory import EpisodeTask
from mmgym_agents.transformers_agent import Sampling, TransformersAgent


class Twin:
    """A copy of a model that answers the prompts of conversations."""

    def __init__(self, vlm):
        self.vlm = vlm.clone()
        self.agent = TransformersAgent(self.vlm, Sampling(max_new_tokens=6))
        self.loaded = []
        self.forgets = True

    def load_weights(self, weights, version):
        self.vlm.model.load_state_dict(dict(weights), strict=False)
        self.loaded.append(version)
        if self.forgets:
            self.agent.weights_changed(version)

    def answer_again(self, prompts):
        conversations = [Conversation(key, EpisodeTask("", 0, group=key), None) for key in range(len(prompts))]
        found = dict(zip(range(len(prompts)), prompts, strict=True))
        self.agent._context.prompt = lambda conversation, *_: (found[conversation.key], False)
        for conversation in conversations:
            conversation.messages.append({"role": "user", "content": []})
        responses = self.agent.act_batch(conversations)
        self.agent._sessions.clear()
        return [(response.sampled_ids, response.logprobs) for response in responses]


@pytest.fixture
def pair():
    vlm = tiny()
    twin = Twin(vlm)
    sync = WeightSync(vlm, lambda: vlm.named_weights())
    rollout = play(TransformersAgent(vlm, Sampling(max_new_tokens=6)), lakes("qwen3_vl", 3, max_turns=1))
    for trajectory in rollout.trajectories:
        turn = trajectory.turns[0]
        pixels = tuple(rollout.images[image] for image in turn.images)
        sync.remember(EncodedPrompt(turn.prompt_ids, turn.images, pixels))
    sync.update(twin)
    return vlm, twin, sync


def change(vlm):
    with torch.no_grad():
        for parameter in vlm.model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.05)


def test_weights_move_once_when_they_have_changed(pair):
    vlm, twin, sync = pair
    sync.update(twin)
    assert twin.loaded == [0]
    change(vlm)
    sync.changed(3)
    sync.update(twin)
    sync.update(twin)
    assert twin.loaded == [0, 3] and sync.version == 3 and 0 < sync.difference < 1e-5
    for name, weight in vlm.model.state_dict().items():
        assert torch.equal(weight, twin.vlm.model.state_dict()[name])


def test_features_of_the_old_weights_are_found(pair):
    vlm, twin, sync = pair
    twin.forgets = False
    change(vlm)
    sync.changed(1)
    with pytest.raises(GuardError, match=r"version 1, .*encoder cache"):
        sync.update(twin)
    assert sync.stale
    twin.forgets = True
    sync.update(twin)
    assert not sync.stale


@pytest.mark.parametrize(
    "left", ["lm_head.weight", "model.visual.pos_embed.weight", "model.language_model.norm.weight"]
)
def test_a_weight_that_is_left_behind_is_found(pair, left):
    vlm, twin, sync = pair
    tied = left == "lm_head.weight"
    sync.weights = lambda: [(n, w) for n, w in vlm.named_weights() if n != left and not (tied and "embed_tokens" in n)]
    change(vlm)
    sync.changed(1)
    with pytest.raises(GuardError, match="left behind"):
        sync.update(twin)


def test_what_is_not_a_number_is_found(pair):
    _, twin, sync = pair
    twin.answer_again = lambda prompts: [(np.array([40], np.int32), np.array([np.nan], np.float32)) for _ in prompts]
    sync.changed(1)
    with pytest.raises(GuardError, match="nan"):
        sync.update(twin)


def test_the_latest_prompts_of_different_pictures_are_kept(pair):
    _, _, sync = pair
    first = sync._prompts[0]
    sync.remember(first)
    assert len(sync._prompts) == 3
