"""What in_transformers.cpp asks of Hugging Face's transformers, 4.56 or later.

    in_transformers.py write FOLDER     small random models of transformers' own classes, each with ids and float64 logits
    in_transformers.py read JOB RESULT  losses, greedy texts and properties of the folders that the JSON file JOB lists
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

BOS = 256  # of the tokenizer of bytes


def load(folder, dtype=torch.float32, **more):
    return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, dtype=dtype, **more).eval()


def write(folder):
    base = dict(vocab_size=61, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40)
    base.update(max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=None)
    scaled = {
        "linear": dict(rope_type="linear", factor=3.0),
        "llama3": dict(
            rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16
        ),
        "yarn": dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=8.0, beta_slow=1.0),
    }
    of = lambda kind, **more: {**base, "model_type": kind, **more}
    models = {
        "llama": of("llama", num_key_value_heads=4),
        "llama_grouped_tied": of("llama", num_key_value_heads=2, tie_word_embeddings=True),
        "llama_wide_heads": of("llama", num_key_value_heads=1, head_dim=10),
        "mistral": of("mistral", num_key_value_heads=2, sliding_window=7),
        "mistral_whole": of("mistral", num_key_value_heads=2, sliding_window=None),
        "qwen2": of("qwen2", num_key_value_heads=2),
        "qwen2_window": of("qwen2", num_key_value_heads=2, use_sliding_window=True, sliding_window=5, max_window_layers=0),
        "qwen2_tied_yarn": of("qwen2", num_key_value_heads=4, tie_word_embeddings=True, rope_scaling=scaled["yarn"]),
    }
    for kind, scaling in scaled.items():
        models["llama_" + kind] = of("llama", num_key_value_heads=4, rope_scaling={"rope_theta": 1e4, **scaling})
    for i, (name, settings) in enumerate(models.items()):
        torch.manual_seed(i)
        for dtype in (torch.float32, torch.bfloat16, torch.float16) if name in ("llama", "qwen2") else (torch.float32,):
            for shards in ("1GB", "20KB") if name in ("llama", "qwen2") else ("1GB",):
                model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**settings), attn_implementation="eager")
                for p in model.parameters():  # biases and gains too, and logits that are not all alike
                    p.data = torch.randn_like(p) * (0.3 if p.dim() > 1 else 0.1) + (1.0 if p.dim() == 1 else 0.0)
                to = folder / "-".join([name, str(dtype).removeprefix("torch."), shards])
                model.to(dtype).save_pretrained(to, max_shard_size=shards)
                ids = torch.randint(0, 61, (2, 40))
                with torch.no_grad():
                    logits = load(to, torch.float64, attn_implementation="eager")(ids).logits
                save_file({"ids": ids, "logits": logits}, to / "expected.safetensors")


def loss_of(model, text):
    ids = torch.tensor([[*text.encode()]])
    logits = model(ids).logits[0, :-1].double()
    return torch.nn.functional.cross_entropy(logits, ids[0, 1:]).item()


def greedy(model, prompt, tokens):
    ids = torch.tensor([[BOS, *prompt.encode()]])
    more = dict(max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, eos_token_id=None)
    made = model.generate(ids, attention_mask=torch.ones_like(ids), **more)
    return made[0, 1:].tolist()


def beams(model, prompt, **more):
    """The tokens that beam search adds when asked for 4."""
    ids = torch.tensor([[BOS, *prompt.encode()]])
    more.update(max_new_tokens=4, num_beams=3, do_sample=False, eos_token_id=None)
    made = model.generate(ids, attention_mask=torch.ones_like(ids), **more)
    return made[0, ids.shape[1] :].tolist()


def relative(found, wanted):
    return ((found - wanted).norm() / wanted.norm()).item()


def check_state(model, text):
    """The relative difference between a text read at once, and in two parts, token by token, and padded on both sides; and
    between the states after it: padding changes nothing, nor where the text stands."""
    ids = torch.tensor([[BOS, *text.encode()]])
    whole = model(ids, use_cache=True)
    first = model(ids[:, :70], use_cache=True)
    parts = torch.cat([first.logits, model(ids[:, 70:], state=first.state).logits], 1)
    state, steps = None, []
    for i in range(ids.shape[1]):
        out = model(ids[:, i : i + 1], state=state, use_cache=True)
        state = out.state
        steps.append(out.logits)
    pad, ones = torch.zeros(1, 5, dtype=torch.long), torch.ones_like(ids)
    padded = model(torch.cat([pad, ids, pad], 1), attention_mask=torch.cat([pad, ones, pad], 1), use_cache=True)
    behind = model(torch.cat([ids, pad], 1), attention_mask=torch.cat([ones, pad], 1), use_cache=True)
    others = (state, behind.state, padded.state)
    sums = [relative(a, b) for s in others for a, b in zip(s.layers, whole.state.layers)]
    for near in (n for s in others for n in zip(s.near, whole.state.near) if n[1] is not None):
        sums += [relative(a.double(), b.double()) for a, b in zip(*near) if b.numel() > 0]
        assert near[1][0].shape[1] == model.config.supra["window"] - 1, "the memory of a text longer than the window"
    return {
        "parts": relative(parts, whole.logits),
        "steps": relative(torch.cat(steps, 1), whole.logits),
        "padded": relative(padded.logits[:, 5:-5], whole.logits),
        "states": max(sums),
    }


def check_golden(folder, golden):
    """The relative difference of the logits from those of a golden file, in float64."""
    wanted = load_file(golden)
    return relative(load(folder, torch.float64)(wanted["input_ids"]).logits, wanted["logits"])


def check_training(model, text, again):
    """A step of training, and the folder written once more."""
    ids = torch.tensor([[*text.encode()]])
    model.train()(ids, labels=ids).loss.backward()
    model.save_pretrained(again)
    gradients = [p.grad for p in model.parameters()]
    return all(g is not None and torch.isfinite(g).all().item() for g in gradients)


def read(job):
    for one in job:
        if "expected" in one:
            with torch.no_grad():
                yield {"golden": check_golden(one["folder"], one["expected"])}
            continue
        model = load(one["folder"])
        answer = {"class": type(model).__name__}
        with torch.no_grad():
            answer["losses"] = [loss_of(model, t) for t in one["texts"]]
            answer["greedy"] = greedy(model, one["prompt"], one["tokens"])
            if one["state"]:
                exact = load(one["folder"], torch.float64)
                answer["state"] = check_state(exact, one["texts"][0])
                answer["beams"] = beams(exact, one["prompt"])
                answer["beams_without_state"] = beams(exact, one["prompt"], use_cache=False)
        if one["state"]:
            answer["gradients"] = check_training(model, one["texts"][0], one["again"])
        yield answer


transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
if sys.argv[1] == "write":
    write(Path(sys.argv[2]))
else:
    Path(sys.argv[3]).write_text(json.dumps(list(read(json.loads(Path(sys.argv[2]).read_text())))))
