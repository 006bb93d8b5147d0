"""What of the vLLM agent needs no vLLM: prompts as it wants them, options, messages. The rest is in tests/vllm."""

import threading
from functools import cache
from multiprocessing import AuthenticationError, connection

import numpy as np
import pytest
from playing import tiny

from mmgym.learn.config import ConfigurationError, PolicyConfig, TrainConfig, from_mapping
from mmgym.learn.mapping import from_mapping as read
from mmgym.learn.preflight import preflight
from mmgym_agents.factory import make_policy
from mmgym_agents.vllm_options import VLLMOptions
from mmgym_agents.vllm_requests import collapse
from mmgym_agents.vllm_wire import Channel, array_of, join, welcome

FAMILIES = {
    "qwen3_vl": {},
    "qwen2_5_vl": {},
    "smolvlm": {"tiles_per_side": 2},
    "internvl": {"tiles_per_side": 2},
    "gemma3": {},
}


@cache
def model(family):
    return tiny(family, **FAMILIES[family])


def picture(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("family", FAMILIES)
def test_collapsed_prompts_expand_to_what_they_were(family):
    vlm = model(family)
    shown = [picture(64, 64), picture(128, 192), picture(64, 64)]
    content = [{"type": "image", "image": image} for image in shown]
    content[1:1] = [{"type": "text", "text": "go"}]
    prompt = vlm.codec.opening([{"role": "user", "content": content}])
    short = collapse(prompt.ids, prompt.images, vlm.family)
    images = iter(prompt.images)
    again = [i for own in short.tolist() for i in _expanded(own, images, vlm.family)]
    assert again == prompt.ids.tolist() and next(images, None) is None
    assert (short == vlm.family.placeholder_id).sum() == 3 and len(short) < len(prompt.ids)
    with pytest.raises(ValueError, match="do not hold image 3 of 4"):
        collapse(prompt.ids, (*prompt.images, prompt.images[0]), vlm.family)


def _expanded(own, images, family):
    return family.image_ids(next(images)) if own == family.placeholder_id else [own]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"pythn": "x"}, r"engine_options.pythn; fields here: python"),
        ({"python": "p", "addresses": ["h:1"]}, "not both"),
        ({"addresses": ["host"]}, "host:port"),
        ({"environment": {"A": "1"}}, "for the process that python starts"),
        ({"sleep": 3}, "sleep must be 0, 1 or 2"),
        ({"timeout": 0}, "timeout must be above 0"),
        ({"images": 0}, "images must be at least 1"),
        ({"vllm": {"tensor_parallel_size": 2}}, "tensor_parallel_size is not yours to set"),
    ],
)
def test_options_that_cannot_be(options, match):
    policy = {"checkpoint": "", "tiny": {}, "words": ["up"], "image_size": 64, "seed": 0, "dtype": "float32"}
    with pytest.raises(ValueError, match=match):
        make_policy(**policy, device="cpu", engine="vllm", engine_options=options)


def test_classes_that_vllm_does_not_serve_are_refused():
    vlm = tiny("smolvlm")
    vlm.engine = VLLMOptions()
    with pytest.raises(ValueError, match=r"for Qwen3-VL and Qwen2.5-VL; the model is a SmolVLM"):
        vlm.sampler(temperature=1.0, greedy=False, max_new_tokens=4, context="full")


def test_engines_of_a_configuration():
    assert make_options({"sleep": 1}).sleep == 1
    with pytest.raises(ValueError, match="engine must be one of transformers, vllm"):
        PolicyConfig(engine="other")
    with pytest.raises(ValueError, match="engine_options are for engine vllm"):
        from_mapping(TrainConfig, {"policy": {"engine_options": {"sleep": 1}}})


def test_playing_ahead_needs_a_second_process(tmp_path):
    run = {"out": str(tmp_path / "run"), "policy": {"engine": "vllm"}, "grpo": {"staleness": 1}}
    with pytest.raises(ConfigurationError, match=r"grpo.staleness: .*engine_options.python or addresses"):
        preflight(from_mapping(TrainConfig, run))


def make_options(content):
    return read(VLLMOptions, content, "policy.engine_options")


def test_messages_arrive_as_they_were_sent(tmp_path):
    arrays = [np.arange(6, dtype=np.int32).reshape(2, 3)[:, ::2], np.zeros(0, np.float32), picture(5, 7)]
    with connection.Listener(str(tmp_path / "pipe")) as listener:
        received = []

        def serve():
            channel = welcome(listener.accept(), "a token")
            received.append(channel.receive())
            channel.send({"kind": "bye"}, received[0][1])

        thread = threading.Thread(target=serve)
        thread.start()
        ours = join(str(tmp_path / "pipe"), "a token")
        ours.send({"kind": "hello", "text": "\N{SNOWMAN}", "number": 2**60}, arrays)
        header, parts = ours.receive()
        thread.join()
    assert received[0][0] == {"kind": "hello", "text": "\N{SNOWMAN}", "number": 2**60} and header == {"kind": "bye"}
    for part, array in zip(parts, arrays, strict=True):
        assert np.array_equal(array_of(part, str(array.dtype), array.shape), array)


def test_nobody_speaks_without_the_token(tmp_path):
    with connection.Listener(str(tmp_path / "pipe")) as listener:
        turned_away = []

        def serve():
            try:
                welcome(listener.accept(), "a token")
            except AuthenticationError as error:
                turned_away.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises((AuthenticationError, EOFError)):
            join(str(tmp_path / "pipe"), "another")
        thread.join()
    assert turned_away


def test_the_other_end_that_hangs_up_is_noticed(tmp_path):
    with connection.Listener(str(tmp_path / "pipe")) as listener:
        thread = threading.Thread(target=lambda: welcome(listener.accept(), "a token").close())
        thread.start()
        ours: Channel = join(str(tmp_path / "pipe"), "a token")
        thread.join()
        assert ours.waits(5)
        with pytest.raises(EOFError):
            ours.receive()
