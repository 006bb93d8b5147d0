"""The advantages that verl, TRL and torchrl give to the same trajectories; runs in their virtual environment.

    .bench/learners/bin/python -m benchmarks.learner_peers.estimators verl batches.json

Reads a list of batches and prints one line of JSON: of each function and batch, one list of numbers per trajectory. A
batch has of each trajectory ``rewards``, the terms ``first`` and ``second`` of them, ``tokens`` and ``observed`` (ids
shown before the turn), one number per turn, and ``group``, ``member``, ``values`` and ``last_value``. Numbers are
float64 where a library lets them be.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

Batch = list[dict[str, Any]]
Answer = list[list[float]]
GROUP_SIZE = 4
"""Trajectories of a group; some libraries want it to be the same for all."""
DISCOUNT, LAMBDA = 0.97, 0.9
WEIGHTS = [1.0, 0.1]
"""Of the terms ``first`` and ``second``, where they are weighed."""


def verl(batches: list[Batch]) -> dict[str, list[Answer]]:
    """The functions of verl work on padded rows, in which a mask says what was sampled."""
    core_algos = import_module("verl.trainer.ppo.core_algos")
    discounted = import_module("verl.trainer.config").AlgoConfig(gamma=DISCOUNT)

    def padded(batch: Batch) -> dict[str, torch.Tensor]:
        length = max(sum(one["tokens"]) + sum(one["observed"]) for one in batch)
        rows = {name: torch.zeros(len(batch), length, dtype=torch.float64) for name in ("rewards", "mask", "values")}
        rows["seen"] = torch.zeros(len(batch), length, dtype=torch.float64)
        for index, one in enumerate(batch):
            at, values = 0, iter(one["values"])
            for reward, count, observed in zip(one["rewards"], one["tokens"], one["observed"], strict=True):
                at += observed
                rows["mask"][index, at : at + count] = 1
                rows["values"][index, at : at + count] = torch.tensor(list(islice(values, count)), dtype=torch.float64)
                at += count
                rows["rewards"][index, at - 1] = reward
            rows["seen"][index, :at] = 1
        return rows

    def picked(result: torch.Tensor, rows: dict[str, torch.Tensor]) -> Answer:
        return [row[mask > 0].tolist() for row, mask in zip(result, rows["mask"], strict=True)]

    def ask(name: str, played: Batch, part: int = 0, **options: Any) -> Answer:
        rows = padded(played)
        shared = {"token_level_rewards": rows["rewards"].clone(), "response_mask": rows["mask"]}
        return picked(core_algos.get_adv_estimator_fn(name)(**shared, **options)[part], rows)

    def grouped(name: str, **options: Any) -> Callable[[Batch], Answer]:
        return lambda batch: ask(name, batch, index=np.array([one["group"] for one in batch]), **options)

    def critic(part: int) -> Callable[[Batch], Answer]:
        return lambda batch: ask("gae", batch, part, values=padded(batch)["values"], gamma=DISCOUNT, lam=LAMBDA)

    def gdpo(batch: Batch, **more: Any) -> Answer:
        rows = padded(batch)
        terms = {name: np.array([sum(one[name]) for one in batch]) for name in ("first", "second")}
        shown = {"prompts": torch.zeros(len(batch), 1), "attention_mask": rows["seen"].long()}
        shown["attention_mask"] = torch.cat([torch.ones(len(batch), 1, dtype=torch.long), shown["attention_mask"]], 1)
        config = {"gdpo_reward_keys": list(terms), **more}
        return grouped("gdpo", config=config, non_tensor_batch=terms, batch=shown)(batch)

    functions: dict[str, Callable[[Batch], Answer]] = {
        "grpo": grouped("grpo"),
        "grpo_of_one": lambda batch: grouped("grpo")(batch[::GROUP_SIZE]),
        "dr_grpo": grouped("grpo", norm_adv_by_std_in_grpo=False),
        "rloo": grouped("rloo"),
        "rloo_vectorized": grouped("rloo_vectorized"),
        "reinforce_pp": lambda batch: ask("reinforce_plus_plus", batch, config=discounted),
        "reinforce_pp_baseline": grouped("reinforce_plus_plus_baseline"),
        "gdpo": gdpo,
        "gdpo_weighed": lambda batch: gdpo(batch, gdpo_reward_weights=WEIGHTS),
        "gae": critic(0),
        "gae_targets": critic(1),
    }
    return {name: [function(batch) for batch in batches] for name, function in functions.items()}


def trl(batches: list[Batch]) -> dict[str, list[Answer]]:
    """TRL computes advantages inside its trainers: each trains a tiny random model, one step per batch."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    library = import_module("trl")
    words = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1, "play": 2}, unk_token="play"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
    groups = len(batches[0]) // GROUP_SIZE
    played = {(number, one["group"], one["member"]): one for number, batch in enumerate(batches) for one in batch}

    def members(keys: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        """Completions of a prompt come one after the other; the n-th is the n-th trajectory of the group."""
        seen: dict[tuple[int, int], int] = defaultdict(int)
        result = []
        for key in keys:
            result.append((*key, seen[key]))
            seen[key] += 1
        return result

    def pay(term: str) -> Callable[..., list[float]]:
        def reward(completions: Any, batch: list[int], group: list[int], **_: Any) -> list[float]:
            return [sum(played[key][term]) for key in members(list(zip(batch, group, strict=True)))]

        reward.__name__ = term
        return reward

    def ask(name: str, terms: list[str], **options: Any) -> list[Answer]:
        trainer: Any = getattr(library, f"{name}Trainer")
        found: dict[tuple[int, int, int], float] = {}

        class Recorder(trainer):
            def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
                output = super()._generate_and_score_completions(inputs)
                keys = members([(one["batch"], one["group"]) for one in inputs])
                found.update(zip(keys, output["advantages"].tolist(), strict=True))
                return output

        size = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
        model = Qwen2ForCausalLM(Qwen2Config(vocab_size=3, num_key_value_heads=1, **size))
        rows = [{"prompt": "play", "batch": b, "group": g} for b in range(len(batches)) for g in range(groups)]
        with tempfile.TemporaryDirectory() as folder:
            arguments = getattr(library, f"{name}Config")(
                folder,
                num_generations=GROUP_SIZE,
                per_device_train_batch_size=groups * GROUP_SIZE,
                max_completion_length=2,
                max_steps=len(batches),
                shuffle_dataset=False,
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                beta=0.0,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
                **options,
            )
            rewards = [pay(term) for term in terms]
            Recorder(model, rewards, arguments, Dataset.from_list(rows), processing_class=tokenizer).train()
        return [
            [[found[number, one["group"], one["member"]]] * sum(one["tokens"]) for one in batch]
            for number, batch in enumerate(batches)
        ]

    return {
        "grpo": ask("GRPO", ["rewards"], scale_rewards="group"),
        "dr_grpo": ask("GRPO", ["rewards"], scale_rewards="none"),
        "gdpo": ask("GRPO", ["first", "second"], multi_objective_aggregation="normalize_then_sum"),
        "gdpo_weighed": ask(
            "GRPO", ["first", "second"], multi_objective_aggregation="normalize_then_sum", reward_weights=WEIGHTS
        ),
        "rloo": ask("RLOO", ["rewards"]),
    }


def torchrl(batches: list[Batch]) -> dict[str, list[Answer]]:
    """What torchrl has works on single trajectories of steps: turns for GRPO, tokens for GAE."""
    record = import_module("tensordict").TensorDict
    grouping = import_module("torchrl.objectives.llm").MCAdvantage
    functional = import_module("torchrl.objectives.value.functional")

    def column(numbers: Any) -> torch.Tensor:
        return torch.tensor(numbers, dtype=torch.float64)[:, None]

    def ending(length: int) -> torch.Tensor:
        return (torch.arange(length) == length - 1)[:, None]

    def grpo(batch: Batch) -> Answer:
        transform = grouping(GROUP_SIZE, prompt_key="group", trajectory_return="sum")
        answer: dict[int, list[float]] = {}
        for index, one in enumerate(batch):
            turns = len(one["rewards"])
            following = record({"reward": column(one["rewards"]), "done": ending(turns)}, [turns])
            content = {"group": torch.full((turns,), one["group"]), "index": torch.full((turns,), index)}
            written = transform.inv(record({**content, "next": following}, [turns]))
            if written is not None:  # the group is complete
                numbers, found = written["index"].tolist(), written["advantage"][:, 0].tolist()
                for number, advantage in zip(numbers, found, strict=True):
                    answer.setdefault(number, []).append(advantage)
        return [np.repeat(answer[index], one["tokens"]).tolist() for index, one in enumerate(batch)]

    def gae(batch: Batch, part: int) -> Answer:
        answer = []
        for one in batch:
            length = sum(one["tokens"])
            paid = np.zeros(length)
            paid[np.cumsum(one["tokens"]) - 1] = one["rewards"]
            following = column([*one["values"][1:], one["last_value"]])
            terminated = torch.zeros(length, 1, dtype=torch.bool)
            fields = (column(one["values"]), following, column(paid), ending(length), terminated)
            answer.append(functional.generalized_advantage_estimate(DISCOUNT, LAMBDA, *fields)[part][:, 0].tolist())
        return answer

    def turns(batch: Batch) -> Answer:
        rewards = [column(one["rewards"]) for one in batch]
        return [functional.reward2go(own, ending(len(own)), DISCOUNT)[:, 0].tolist() for own in rewards]

    functions: dict[str, Callable[[Batch], Answer]] = {
        "grpo": grpo,
        "gae": lambda batch: gae(batch, 0),
        "gae_targets": lambda batch: gae(batch, 1),
        "discounted_returns": turns,
    }
    return {name: [function(batch) for batch in batches] for name, function in functions.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    library, file = sys.argv[1:]
    answers = {"verl": verl, "trl": trl, "torchrl": torchrl}[library](json.loads(Path(file).read_text()))
    print(json.dumps(answers))
