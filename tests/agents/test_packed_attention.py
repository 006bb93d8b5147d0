"""Attention over packed rows: what each sequence gives alone, by every kernel, for every class that is packed."""

import inspect
import itertools
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from playing import Watched, drawn, mixed_tasks, play, tiny
from tensor_shapes import TensorShapes
from torch.nn.attention import varlen

from mmgym.learn.learner import Learner
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.packing import pack, pad, supervised_row
from mmgym.trajectory import ImageStore, Segment
from mmgym_agents.packed_attention import choose_attention, install_attention, packed_arguments

PACKED = ["qwen3_vl", "qwen2_5_vl", "smolvlm", "idefics3", "internvl"]


def rows_of(vlm, counts):
    """A row for each count, of that many pictures with answers of ragged length."""
    rng, images, rows = np.random.default_rng(0), ImageStore(), []
    side = 56 if "Qwen2_5" in type(vlm.model).__name__ else 64
    for count in counts:
        ids, trained, refs, said = [], [], [], None
        for _ in range(count):
            picture = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
            message = {"role": "user", "content": [{"type": "image", "image": picture}]}
            prompt = vlm.codec.opening([message]) if said is None else vlm.codec.extension(message, said)
            said = np.append(vlm.codec.answer("up " * int(rng.integers(1, 4)))[:-1], vlm.codec.end_ids[0])
            refs.append(images.add(picture))
            ids += [prompt.ids, said.astype(np.int32)]
            trained += [np.zeros(len(prompt.ids), bool), np.ones(len(said), bool)]
        mask = np.concatenate(trained)
        nothing = np.zeros(len(mask))
        rows.append(
            supervised_row(
                Segment(np.concatenate(ids), mask, nothing.astype(np.float32), nothing.astype(np.int32), tuple(refs))
            )
        )
    return rows, images


def hidden_of(vlm, batch, images):
    """The hidden states that predict the trained tokens of a micro-batch."""
    features = vlm.image_features([images[ref] for ref in batch.images]).take(range(len(batch.images)))
    return vlm.token_hidden(batch.ids, batch.positions, features, batch.rows, batch.columns)


@pytest.mark.parametrize("name", PACKED)
def test_packed_sequences_are_what_each_is_alone(name):
    """Hidden states and gradients, ragged, with several pictures, two sequences of one length among them."""
    vlm = tiny(name)
    rows, images = rows_of(vlm, [2, 1, 3, 1])
    rows.append(rows[-1])
    results = []
    for packed in (False, True):
        if packed:
            assert vlm.prepare_packing() == "blocks"
        batches = [pack(rows, vlm)] if packed else [pad([row], vlm) for row in rows]
        vlm.model.zero_grad(set_to_none=True)
        hidden = torch.cat([hidden_of(vlm, batch, images) for batch in batches])
        (hidden.sin().sum() / len(hidden)).backward()
        grads = torch.cat([p.grad.reshape(-1) for p in vlm.model.parameters() if p.grad is not None])
        results.append((hidden.detach(), grads))
    for alone, packed in zip(*results, strict=True):
        assert (packed - alone).abs().max() < 1e-5 * max(1.0, float(alone.abs().max()))


def test_a_class_with_masks_of_its_own_is_padded():
    vlm = tiny("gemma3")
    assert vlm.prepare_packing() == ""
    assert not Learner(vlm, OptimizerConfig(), layout="auto").packed
    with pytest.raises(ValueError, match="Gemma3ForConditionalGeneration would not be exact"):
        Learner(vlm, OptimizerConfig(), layout="packed")


def test_no_mask_of_all_pairs_of_tokens_is_made():
    vlm = tiny("qwen3_vl")
    vlm.prepare_packing()
    rows, images = rows_of(vlm, [2] * 12)
    batch = pack(rows, vlm)
    with TensorShapes() as shapes:
        hidden_of(vlm, batch, images).sum().backward()
    tokens = batch.ids.shape[1]
    assert any(tokens in shape for shape in shapes.seen)
    assert not any(sum(axis >= tokens for axis in shape) > 1 for shape in shapes.seen)


def test_flex_attention_gives_the_same():
    """Uncompiled: on a CPU it has no backward pass."""
    vlm = tiny("qwen2_5_vl")
    rows, images = rows_of(vlm, [2, 1, 3, 1])
    batch = pack(rows, vlm)
    with torch.no_grad():
        vlm.prepare_packing()
        expected = hidden_of(vlm, batch, images)
        assert install_attention(vlm.model.model.language_model, "flex") == "flex"
        with torch.compiler.set_stance("force_eager"):
            found = hidden_of(vlm, batch, images)
    assert (found - expected).abs().max() < 1e-5


def test_the_varlen_kernel_is_called_as_it_is_documented(monkeypatch):
    """The kernel itself needs a GPU: here its place is taken by what its documentation says, sequence by sequence."""
    signature = inspect.signature(varlen.varlen_attn)

    def documented(*positional, **named):
        call = signature.bind(*positional, **named)
        call.apply_defaults()
        given = call.arguments
        ends = given["cu_seq_q"].tolist()
        assert ends[0] == 0 and ends[-1] == len(given["query"]) and given["cu_seq_q"].dtype == torch.int32
        assert torch.equal(given["cu_seq_q"], given["cu_seq_k"])
        assert given["max_q"] == given["max_k"] == int(np.diff(ends).max())
        seen = []
        for start, end in itertools.pairwise(ends):
            part = (given[name][start:end].transpose(0, 1)[None] for name in ("query", "key", "value"))
            causal = given["window_size"] == (-1, 0)
            shared = given["enable_gqa"]
            out = F.scaled_dot_product_attention(*part, is_causal=causal, scale=given["scale"], enable_gqa=shared)
            seen.append(out[0].transpose(0, 1))
        return torch.cat(seen)

    vlm = tiny("qwen3_vl")
    rows, images = rows_of(vlm, [2, 1, 3])
    batch = pack(rows, vlm)
    vlm.prepare_packing()
    expected = hidden_of(vlm, batch, images)
    monkeypatch.setattr(varlen, "varlen_attn", documented)
    install_attention(vlm.model.model.language_model, "varlen")
    assert (hidden_of(vlm, batch, images) - expected).abs().max() < 1e-5


def test_attention_is_chosen_by_device_and_type():
    cpu, cuda = torch.device("cpu"), torch.device("cuda", 0)
    assert choose_attention(cpu, torch.float32) == choose_attention(cpu, torch.bfloat16) == "blocks"
    assert choose_attention(cuda, torch.bfloat16) == choose_attention(cuda, torch.float16) == "varlen"
    assert choose_attention(cuda, torch.float32) == "flex"


def test_a_model_that_was_loaded_otherwise_says_so():
    vlm = tiny("qwen3_vl")
    rows, images = rows_of(vlm, [1, 2])
    with pytest.raises(ValueError, match="Qwen3VLTextModel has sdpa attention"):
        hidden_of(vlm, pack(rows, vlm), images)
    language_model = vlm.model.model.language_model
    language_model.config._attn_implementation = "eager"
    assert vlm.prepare_packing() == "" and language_model.config._attn_implementation == "eager"
    language_model.config._attn_implementation = "flash_attention_2"
    assert vlm.prepare_packing() == "flash_attention_2", "that reads packed rows as they are"
    found = packed_arguments(language_model, torch.tensor([[0, 1, 0, 1, 2]]))
    assert found["attention_mask"] is None, "it would take any mask for one of padding"
    assert found["cu_seq_lens_q"].tolist() == [0, 2, 5] and found["max_length_q"] == 3


def test_a_model_that_reads_packed_rows_samples_and_saves_as_before(tmp_path):
    tasks = mixed_tasks("qwen3_vl")[:3]
    vlm = tiny("qwen3_vl")
    expected = play(Watched(vlm), tasks)
    assert vlm.prepare_packing() == vlm.clone().prepare_packing() == "blocks"
    found = play(Watched(vlm), tasks)
    assert drawn(found) == drawn(expected)
    for ours, theirs in zip(found.trajectories, expected.trajectories, strict=True):
        assert all(np.array_equal(a.logprobs, b.logprobs) for a, b in zip(ours.turns, theirs.turns, strict=True))
    vlm.save(tmp_path)
    assert "packed" not in json.dumps(json.loads((tmp_path / "config.json").read_text()))


def test_packed_rows_are_the_same_with_activation_checkpointing():
    vlm = tiny("qwen3_vl")
    vlm.prepare_packing()
    rows, images = rows_of(vlm, [2, 1, 3])
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            vlm.model.activation_checkpointing_enable()
            vlm.model.train()
        vlm.model.zero_grad(set_to_none=True)
        hidden_of(vlm, pack(rows, vlm), images).sin().sum().backward()
        gradients.append(vlm.model.model.language_model.layers[0].self_attn.q_proj.weight.grad)
    assert torch.equal(*gradients)
