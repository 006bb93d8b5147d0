"""Tokenizers and chat templates of the tiny models: a byte-level BPE over a few words, with each class's own markers.

Templates are in the style of the classes they stand for, with what makes them hard: the Idefics3 template leaves the
space before an answer to be sampled, Gemma-3's has no system role and trims texts, and neither writes tools.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

__all__ = ["CHAT_TEMPLATE", "build_tokenizer"]

ADDED_TOKENS = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<action>", "</action>")

CHAT_TEMPLATE = """\
{%- macro render(content) -%}
{%- if content is string -%}{{- content -}}
{%- else -%}
{%- for part in content -%}
{%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'text' -%}{{- part.text -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- if tools -%}
<|im_start|>system
{% if messages[0].role == 'system' %}{{ render(messages[0].content) }}

{% endif %}# Tools

You may call these functions:
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>

Answer each call as <tool_call>
{"name": <function name>, "arguments": <object>}
</tool_call><|im_end|>
{% endif -%}
{%- for message in messages -%}
{%- if not (tools and loop.first and message.role == 'system') -%}
<|im_start|>{{ message.role }}
{{ render(message.content) }}<|im_end|>
{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}"""
"""The format of the Qwen-VL models: ChatML with vision markers, tools described in the system message."""

_INTERNVL_TEMPLATE = CHAT_TEMPLATE.replace("<|vision_start|><|image_pad|><|vision_end|>", "{{- '<IMG_CONTEXT>\n' -}}")
"""ChatML, each image on a line of its own."""

_IDEFICS3_TEMPLATE = """\
{{- bos_token -}}
{%- for message in messages -%}
{{- message.role | capitalize ~ (':' if message.content[0].type == 'image' else ': ') -}}
{%- for part in message.content -%}
{{- '<image>' if part.type == 'image' else part.text -}}
{%- endfor -%}
{{- '<end_of_utterance>\n' -}}
{%- endfor -%}
{{- 'Assistant:' if add_generation_prompt else '' -}}"""

_GEMMA3_TEMPLATE = """\
{{- bos_token -}}
{%- set start = namespace(rules='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{%- set start.rules = message.content[0].text ~ '\n\n' -%}
{%- else -%}
{{- '<start_of_turn>' ~ ('model' if message.role == 'assistant' else message.role) ~ '\n' ~ start.rules -}}
{%- set start.rules = '' -%}
{%- for part in message.content -%}
{{- '<start_of_image>' if part.type == 'image' else part.text | trim -}}
{%- endfor -%}
{{- '<end_of_turn>\n' -}}
{%- endif -%}
{%- endfor -%}
{{- '<start_of_turn>model\n' if add_generation_prompt else '' -}}"""


@dataclass(frozen=True)
class _Markers:
    """What a class adds to a vocabulary."""

    special: tuple[str, ...]
    template: str
    pad: str
    eos: str
    bos: str | None = None
    named: dict[str, str] = field(default_factory=dict)
    """Tokens that the class's own processor finds by these names."""
    pieces: tuple[str, ...] = ()
    """Texts that are one token beside the words: runs of newlines, which must not be cut differently next to images."""


_NEWLINES = ("\n\n", "\n\n\n", "\n\n\n\n")
_CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_FRAMES = tuple(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7))
_QWEN = _Markers(
    (*_CHATML, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
    CHAT_TEMPLATE,
    "<|endoftext|>",
    "<|im_end|>",
)
_IDEFICS3 = _Markers(
    (*_CHATML, "<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>", *_FRAMES),
    _IDEFICS3_TEMPLATE,
    "<|im_end|>",
    "<end_of_utterance>",
    "<|im_start|>",
    pieces=_NEWLINES,
)
_INTERNVL = _Markers(
    (*_CHATML, "<img>", "</img>", "<IMG_CONTEXT>", "<video>"),
    _INTERNVL_TEMPLATE,
    "<|endoftext|>",
    "<|im_end|>",
    named={
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    },
    pieces=_NEWLINES,
)
_GEMMA3 = _Markers(
    (
        *("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"),
        *("<start_of_image>", "<end_of_image>", "<image_soft_token>"),
    ),
    _GEMMA3_TEMPLATE,
    "<pad>",
    "<eos>",
    "<bos>",
    {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"},
    pieces=_NEWLINES,
)
_MARKERS = {
    "qwen3_vl": _QWEN,
    "qwen2_5_vl": _QWEN,
    "smolvlm": _IDEFICS3,
    "idefics3": _IDEFICS3,
    "internvl": _INTERNVL,
    "gemma3": _GEMMA3,
}


def build_tokenizer(words: Iterable[str] = (), family: str = "qwen3_vl") -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer in which each of `words` is one token, bare and after a space.

    Any text can be encoded; unknown words fall back to bytes.

    Args:
        words: the words.
        family: whose markers and chat template it has, a name of `mmgym_agents.tiny.TinyConfig.family`.
    """
    markers = _MARKERS[family]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    vocabulary = sorted({"user", "assistant", "system", *words})
    trainer = trainers.BpeTrainer(
        vocab_size=16384,
        special_tokens=list(markers.special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
        min_frequency=1,
    )
    texts = [form for word in vocabulary for form in (word, " " + word)]
    tokenizer.train_from_iterator([*texts, *markers.pieces], trainer)
    tokenizer.add_tokens(list(ADDED_TOKENS))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=markers.pad,
        eos_token=markers.eos,
        **({"bos_token": markers.bos} if markers.bos else {}),
        **({"extra_special_tokens": markers.named} if markers.named else {}),
    )
    fast.chat_template = markers.template
    return fast
