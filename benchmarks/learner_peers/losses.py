"""The losses that verl, TRL and torchrl compute of the same trajectories; runs in their virtual environment.

    .bench/learners/bin/python -m benchmarks.learner_peers.losses verl batches.json

Reads a list of batches and prints one line of JSON: of each function and batch, the ``loss`` and its ``gradient`` by
the log-probabilities (or by the values), or ``numbers``; one list per trajectory. See `benchmarks.compare_losses` for
what a trajectory holds. The log-probabilities are given to each library where it would ask its model for them;
everything after is the library's own. verl and torchrl compute in float64, TRL in float32.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

Batch = list[dict[str, Any]]
Answer = dict[str, Any]
BUDGET = 64
"""Tokens that a trajectory's sum is divided by, where an average has a constant."""


def padded(batch: Batch, name: str, kind: torch.dtype = torch.float64) -> torch.Tensor:
    """Numbers of the sampled tokens in rows; observed tokens stand between the turns and hold 0."""
    length = max(sum(one["tokens"]) + sum(one["observed"]) for one in batch)
    rows = torch.zeros(len(batch), length, dtype=kind)
    for row, one in zip(rows, batch, strict=True):
        numbers = [1.0] * sum(one["tokens"]) if name == "mask" else one[name]
        numbers = numbers if isinstance(numbers, list) else [numbers] * sum(one["tokens"])
        at = taken = 0
        for count, observed in zip(one["tokens"], one["observed"], strict=True):
            at += observed
            row[at : at + count] = torch.tensor(numbers[taken : taken + count], dtype=kind)
            at, taken = at + count, taken + count
    return rows


def answer(batch: Batch, loss: torch.Tensor, leaf: torch.Tensor) -> Answer:
    """The loss and its gradient at the sampled tokens."""
    (gradient,) = torch.autograd.grad(loss, leaf)
    return {"loss": float(loss.detach()), "gradient": picked(batch, gradient)}


def picked(batch: Batch, rows: torch.Tensor) -> list[list[float]]:
    return [row[mask > 0].tolist() for row, mask in zip(rows, padded(batch, "mask"), strict=True)]


def verl(batches: list[Batch]) -> dict[str, list[Answer]]:
    """The functions of verl work on padded rows, in which a mask says what was sampled."""
    from verl.trainer.ppo import core_algos
    from verl.trainer.ppo.rollout_corr_helper import compute_rollout_correction_weights
    from verl.workers.config import ActorConfig

    def policy(
        name: str, average: str = "token-mean", old: str = "behaviour", threshold: str | float = "", **settings: Any
    ) -> Callable[[Batch], Answer]:
        def ask(batch: Batch) -> Answer:
            config = ActorConfig(strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, **settings)
            config.global_batch_info["loss_scale_factor"] = BUDGET
            leaf = padded(batch, "logprobs").requires_grad_()
            weights = weigh(batch, "token", threshold)[0] if threshold else None
            loss, _ = core_algos.get_policy_loss_fn(name)(
                old_log_prob=padded(batch, old),
                log_prob=leaf,
                advantages=padded(batch, "advantage"),
                response_mask=padded(batch, "mask"),
                loss_agg_mode=average,
                config=config,
                rollout_is_weights=weights,
            )
            return answer(batch, loss, leaf)

        return ask

    def weigh(batch: Batch, level: str, threshold: str | float) -> tuple[torch.Tensor, Any]:
        log_ratio = padded(batch, "proximal") - padded(batch, "behaviour")
        return compute_rollout_correction_weights(log_ratio, padded(batch, "mask"), level, threshold)

    def weights(level: str, threshold: str | float) -> Callable[[Batch], Answer]:
        return lambda batch: {"numbers": picked(batch, weigh(batch, level, threshold)[0])}

    def divergence(form: str, reference: str = "reference") -> Callable[[Batch], Answer]:
        def ask(batch: Batch) -> Answer:
            leaf = padded(batch, "logprobs").requires_grad_()
            terms = core_algos.kl_penalty(leaf, padded(batch, reference), form)
            return answer(batch, core_algos.agg_loss(terms, padded(batch, "mask"), "token-mean"), leaf)

        return ask

    def critic(batch: Batch) -> Answer:
        leaf = padded(batch, "values").requires_grad_()
        rest = (padded(batch, name) for name in ("targets", "old_values", "mask"))
        return answer(batch, core_algos.compute_value_loss(leaf, *rest, cliprange_value=0.2)[0], leaf)

    def controller(batch: Batch) -> Answer:
        found = []
        for one in batch:
            control = core_algos.AdaptiveKLController(0.2, 6.0, 1000)
            control.update(one["divergence"], 64)
            found.append([float(control.value)])
        return {"numbers": found}

    wide: dict[str, Any] = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28}
    unlimited: dict[str, Any] = {**wide, "clip_ratio_c": 1e9}
    functions: dict[str, Callable[[Batch], Answer]] = {
        "vanilla": policy("vanilla", **wide),
        "clip": policy("vanilla", **unlimited),
        "trajectory_mean": policy("vanilla", "seq-mean-token-mean", **unlimited),
        "trajectory_sum": policy("vanilla", "seq-mean-token-sum", **unlimited),
        "constant": policy("vanilla", "seq-mean-token-sum-norm", **unlimited),
        "gspo": policy("gspo", "seq-mean-token-mean", clip_ratio_low=3e-4, clip_ratio_high=4e-4),
        "gspo_token_mean": policy("gspo", clip_ratio_low=3e-4, clip_ratio_high=4e-4),
        "cispo": policy("cispo", clip_ratio_low=0.9, clip_ratio_high=1.0),
        "sapo": policy("sapo"),
        "dppo_tv": policy("dppo_tv", clip_ratio_low=0.1, clip_ratio_high=0.1, clip_ratio_c=1e9),
        "gpg": policy("gpg"),
        "truncated_is": policy("vanilla", old="proximal", threshold=2.0, **unlimited),
        "icepop": policy("vanilla", old="proximal", threshold="0.5_5.0", **unlimited),
        "weights_truncate": weights("token", 2.0),
        "weights_mask": weights("token", "0.5_5.0"),
        "weights_sequence": weights("sequence", 2.0),
        **{form: divergence(form) for form in ("k1", "k2", "k3", "k3+")},
        "k3_far": divergence("k3", "far_reference"),
        "value": critic,
        "controller": controller,
    }
    return {name: [function(batch) for batch in batches] for name, function in functions.items()}


def trl(batches: list[Batch]) -> dict[str, list[Answer]]:
    """TRL computes losses inside its trainers: each gets a tiny random model that it is not asked to use."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
    from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer

    words = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1, "play": 2}, unk_token="play"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
    size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    shared: dict[str, Any] = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none"}

    class Given(GRPOTrainer):
        given: tuple[torch.Tensor, torch.Tensor]

        def _get_per_token_logps_and_entropies(self, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor, None]:
            return (*self.given, None)

    def model(folder: str) -> Any:
        """From a folder, where TRL finds the reference again."""
        Qwen2ForCausalLM(Qwen2Config(vocab_size=3, num_key_value_heads=1, **size)).save_pretrained(folder)
        return Qwen2ForCausalLM.from_pretrained(folder)

    def policy(**settings: Any) -> list[Answer]:
        with tempfile.TemporaryDirectory() as folder:
            sizes = {"num_generations": 2, "per_device_train_batch_size": 2, "max_completion_length": BUDGET}
            config = GRPOConfig(folder, **shared, **sizes, **{"epsilon_high": 0.28, **settings})
            data = Dataset.from_list([{"prompt": "play"}])
            trainer = Given(model(folder), lambda completions, **_: [0.0], config, data, processing_class=tokenizer)
        trainer.model.eval()
        found = []
        for batch in batches:
            leaf = padded(batch, "logprobs", torch.float32).requires_grad_()
            trainer.given = (leaf, padded(batch, "entropies", torch.float32))
            mask = padded(batch, "mask", torch.float32)
            ids = torch.zeros(leaf.shape, dtype=torch.long)
            inputs = {
                "prompt_ids": ids[:, :1],
                "prompt_mask": torch.ones(len(batch), 1),
                "completion_ids": ids,
                "completion_mask": torch.ones_like(mask),
                "tool_mask": mask,
                "advantages": torch.tensor([one["advantage"] for one in batch]),
                "old_per_token_logps": padded(batch, "behaviour", torch.float32),
                "ref_per_token_logps": padded(batch, "reference", torch.float32),
                "num_items_in_batch": mask.sum(),
            }
            found.append(answer(batch, trainer.compute_loss(trainer.model, inputs), leaf))
        return found

    def preference() -> list[Answer]:
        """The first half of the batch is preferred to the second."""
        with tempfile.TemporaryDirectory() as folder:
            config = DPOConfig(folder, **shared, beta=0.1)
            data = Dataset.from_list([{"prompt": "play", "chosen": "play", "rejected": "play play"}])
            trainer = DPOTrainer(model(folder), model(folder), config, train_dataset=data, processing_class=tokenizer)
        trainer.precompute_ref_logps = True
        found = []
        for batch in batches:
            leaf = padded(batch, "logprobs", torch.float32).requires_grad_()
            zeros = torch.zeros_like(leaf)
            outputs = SimpleNamespace(log_probs=leaf, entropy=zeros, mean_logits=zeros, is_top1=zeros > 0)
            mask = torch.nn.functional.pad(padded(batch, "mask", torch.long), (1, 0))
            reference = padded(batch, "reference", torch.float32).sum(1).chunk(2)
            inputs = {
                "input_ids": torch.zeros_like(mask),
                "attention_mask": torch.ones_like(mask),
                "completion_mask": mask,
                "ref_chosen_logps": reference[0],
                "ref_rejected_logps": reference[1],
            }
            loss = trainer._compute_loss(lambda outputs=outputs, **_: outputs, inputs, return_outputs=False)
            found.append(answer(batch, loss, leaf))
        return found

    narrow: dict[str, Any] = {"epsilon": 3e-4, "epsilon_high": 4e-4, "importance_sampling_level": "sequence"}
    return {
        "dapo": policy(loss_type="dapo"),
        "entropy": policy(loss_type="dapo", entropy_coef=0.01),
        "grpo": policy(loss_type="grpo", beta=0.04, epsilon_high=0.2, use_bias_correction_kl=False),
        "grpo_as_is": policy(loss_type="grpo", beta=0.04, epsilon_high=0.2),
        "dr_grpo": policy(loss_type="dr_grpo"),
        "delta": policy(loss_type="dapo", delta=3.0),
        "gspo": policy(loss_type="grpo", **narrow),
        "luspo": policy(loss_type="luspo", **narrow),
        "cispo": policy(loss_type="cispo", epsilon_high=2.0),
        "sapo": policy(loss_type="sapo"),
        "dpo": preference(),
    }


def torchrl(batches: list[Batch]) -> dict[str, list[Answer]]:
    """The losses of torchrl ask an actor for a distribution, and it for log-probabilities."""
    from tensordict import TensorDict
    from torchrl.objectives.llm import CISPOLoss, GRPOLoss

    class Given(torch.nn.Module):
        def __init__(self, logprobs: torch.Tensor, mask: torch.Tensor) -> None:
            super().__init__()
            self.answer = SimpleNamespace(mask=mask, log_prob=lambda action: logprobs)

        def get_dist(self, tensordict: Any, logits_key: str) -> SimpleNamespace:
            return self.answer

    def policy(kind: Any, term: str = "loss_objective", **settings: Any) -> list[Answer]:
        found = []
        for batch in batches:
            leaf = padded(batch, "logprobs").requires_grad_()
            mask = padded(batch, "mask") > 0
            loss = kind(Given(leaf, mask), entropy_bonus=False, **settings).double()
            fields = {
                ("tokens", "full"): torch.zeros(leaf.shape, dtype=torch.long),
                ("log_probs", "full"): padded(batch, "behaviour"),
                ("next", "ref_log_probs", "full"): padded(batch, "reference"),
                "advantage": padded(batch, "advantage")[..., None],
            }
            found.append(answer(batch, getattr(loss(TensorDict(fields, leaf.shape)), term).sum(), leaf))
        return found

    return {
        "grpo": policy(GRPOLoss, clip_epsilon=(0.2, 0.28)),
        "prompt_mean": policy(GRPOLoss, clip_epsilon=(0.2, 0.28), aggregation="prompt_mean"),
        "cispo": policy(CISPOLoss, clip_epsilon=(0.9, 1.0)),
        "kl_to_ref": policy(GRPOLoss, "loss_kl_to_ref", kl_to_ref_coeff=0.04),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    library = {"verl": verl, "trl": trl, "torchrl": torchrl}[sys.argv[1]]
    print(json.dumps(library(json.loads(Path(sys.argv[2]).read_text()))))
