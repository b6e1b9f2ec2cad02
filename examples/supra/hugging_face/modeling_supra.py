"""An RNN made of a transformer by supra (linear attention, arXiv 2405.06640), as a class of Hugging Face's transformers
(4.56 or later):

    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
    model.generate(ids, max_new_tokens=100)

config.json's object "supra" names the stages of the attention; docs/ of the library has a page for each. Shapes: B sequences,
T tokens, H query heads, G key and value heads, d channels a head, F features a mapped row, E columns of the state. What is
summed over tokens is float32 (float64 in a float64 model), whatever the weights are stored as.
"""

import math
from dataclasses import dataclass
from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.utils import ModelOutput

CHUNK = 64  # tokens that are summed at once; a longer text goes from chunk to chunk through the state


class SupraConfig(PretrainedConfig):
    model_type = "supra"
    keys_to_ignore_at_inference = ["state"]  # Trainer gathers the other outputs

    def __init__(
        self,
        vocab_size=32000,
        hidden_size=2048,
        num_hidden_layers=16,
        num_attention_heads=16,
        num_key_value_heads=None,
        head_dim=None,
        intermediate_size=5632,
        max_position_embeddings=2048,
        rms_norm_eps=1e-6,
        attention_bias=False,
        initializer_range=0.02,
        use_cache=True,
        supra=None,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads or num_attention_heads
        self.head_dim = head_dim or hidden_size // num_attention_heads
        self.intermediate_size = intermediate_size
        self.max_position_embeddings = max_position_embeddings
        self.rms_norm_eps = rms_norm_eps
        self.attention_bias = attention_bias
        self.initializer_range = initializer_range
        self.use_cache = use_cache
        self.supra = supra
        super().__init__(**kwargs)


class SupraState:
    """All that is kept of the text so far, of one size however long it is: sums (B, H, F, E) for each layer; and where softmax
    looks at the last `window` tokens, `near` of window - 1: keys, values (B, n, G, d) and their places in the text (B, n)."""

    def __init__(self, layers: int):
        self.layers = [None] * layers
        self.near = [None] * layers
        self.seen = 0  # tokens, padding too
        self.tokens = None  # (B) without padding, on the host, where there was some

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.seen

    def reorder_cache(self, order: torch.Tensor):
        self.layers = [None if s is None else s.index_select(0, order.to(s.device)) for s in self.layers]
        self.near = [n and tuple(x.index_select(0, order.to(x.device)) for x in n) for n in self.near]
        self.tokens = None if self.tokens is None else self.tokens[order.to("cpu")]


def wide(x: torch.Tensor) -> torch.Tensor:
    return x if x.dtype == torch.float64 else x.float()


# Feature maps: rows (..., heads, d) to (..., heads, F). own: the map's learned numbers (heads, n), where it has some.
def hedgehog(x, own):
    return F.softmax(torch.cat([x, -x], -1), -1)


def taylor2(x, own):
    d = x.shape[-1]
    square = (x.unsqueeze(-1) * x.unsqueeze(-2)).flatten(-2) / math.sqrt(2 * d)
    return torch.cat([torch.ones_like(x[..., :1]), x * d**-0.25, square], -1)


FEATURES = {
    "identity": lambda x, own: x,
    "relu": lambda x, own: F.relu(x),
    "elu1": lambda x, own: torch.where(x < 0, torch.exp(x.clamp(max=0)), x + 1),
    "exp": lambda x, own: torch.exp(x),
    "softmax": lambda x, own: F.softmax(x, -1),
    "softmax_temperature": lambda x, own: F.softmax(own * x, -1),
    "hedgehog": hedgehog,
    "taylor2": taylor2,
}


def feature_width(name: str, d: int) -> int:
    return {"hedgehog": 2 * d, "taylor2": 1 + d + d * d}.get(name, d)


def slope(h: int, heads: int, start: float) -> float:
    """-log gamma of head h: 2^(-8(h+1)/H), and between powers of two the slopes of the next one at even places."""
    if heads & (heads - 1) == 0:
        ratio = 2.0 ** (-8.0 / heads)
        return (start if start > 0 else ratio) * ratio**h
    power = 1 << (heads.bit_length() - 1)
    return slope(h, power, start) if h < power else slope(2 * (h - power), 2 * power, start)


def constant_decay(name: str, heads: int, start: float) -> list:
    """log gamma of each head."""
    if name == "slopes":
        return [-slope(h, heads, start) for h in range(heads)]
    return [math.log1p(-(2.0 ** (-5.0 - h))) if name == "retnet" else 0.0 for h in range(heads)]


def rotary_turns(rope: dict, scaled: bool, n: int) -> Tuple[list, float]:
    """Radians per token of the pairs (i, i + n/2) of a row of n, and what multiplies cosine and sine."""
    angles = [rope["rope_theta"] ** (-2.0 * i / n) for i in range(n // 2)]
    kind, factor = rope["rope_type"], rope["factor"]
    if not scaled:
        return angles, 1.0
    if kind == "llama3":  # long waves are stretched, short ones kept, those between mixed
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]

        def stretch(a):
            waves = rope["original_max_position_embeddings"] * a / (2 * math.pi)
            keep = min(max((waves - low) / (high - low), 0.0), 1.0)
            return a * keep + a / factor * (1 - keep)

        return [stretch(a) for a in angles], 1.0
    if kind == "yarn":

        def pair_of(turns):  # the pair that turns so many times over the original length
            ratio = rope["original_max_position_embeddings"] / (turns * 2 * math.pi)
            return n * math.log(ratio) / (2 * math.log(rope["rope_theta"]))

        low = max(math.floor(pair_of(rope["beta_fast"])), 0)
        high = min(math.ceil(pair_of(rope["beta_slow"])), n - 1)
        high += 0.001 if low == high else 0
        ramp = [min(max((i - low) / (high - low), 0.0), 1.0) for i in range(n // 2)]
        size = rope["attention_factor"] or (1.0 if factor <= 1 else 0.1 * math.log(factor) + 1)
        return [a / factor * r + a * (1 - r) for a, r in zip(angles, ramp)], size
    return [a / factor for a in angles], 1.0


def waves(position: torch.Tensor, per_token: list) -> torch.Tensor:
    """(B, T, 1, n): positions times what a token adds; on the host in float64, exact however long the text is."""
    return position[:, :, None, None].double() * torch.tensor(per_token, dtype=torch.float64)


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """x (B, T, H, F); cos, sin (B or 1, T, 1, F/2). The last of an odd row stays."""
    u, v, rest = x.split([x.shape[-1] // 2, x.shape[-1] // 2, x.shape[-1] % 2], -1)
    return torch.cat([u * cos - v * sin, u * sin + v * cos, rest], -1)


def decayed_sum(q, k, v, log_gamma, state):
    """S_t = gamma_t S_(t-1) + k_t^T v_t and o_t = q_t S_t, a chunk at once: within it the masked product of q and k, weighed
    by the decay between two tokens. A chunk of one token is the recurrence itself. Exponents are differences within a chunk,
    never above 0. q, k (B, H, T, F), v (B, H, T, E), log_gamma (B, H, T), state (B, H, F, E) -> o (B, H, T, E), state."""
    outputs = []
    for at in range(0, q.shape[2], CHUNK):
        qc, kc, vc = (x[:, :, at : at + CHUNK] for x in (q, k, v))
        b = log_gamma[:, :, at : at + CHUNK].cumsum(-1)
        later = torch.ones(b.shape[-1], b.shape[-1], dtype=torch.bool, device=b.device).triu(1)
        weight = (b.unsqueeze(-1) - b.unsqueeze(-2)).masked_fill(later, -math.inf).exp()
        carried = (qc @ state) * b.exp().unsqueeze(-1)
        outputs.append((qc @ kc.transpose(-1, -2) * weight) @ vc + carried)
        last = b[..., -1:]
        state = state * last.exp().unsqueeze(-1) + (kc * (last - b).exp().unsqueeze(-1)).transpose(-1, -2) @ vc
    return torch.cat(outputs, 2), state


def window_attention(q, k, v, place, near, window, padded):
    """Softmax attention over the last `window` tokens, itself included. q (B, T, H, d), k, v (B, T, G, d), place (B, T): where
    a token stands in its text, -1 for padding; near: k, v and places of earlier tokens; padded: some of the T are padding
    -> o (B, T, H, d) and what later tokens see of k, v and places."""
    tokens, repeats = q.shape[1], q.shape[2] // k.shape[2]
    if near is not None:
        k, v, places = (torch.cat(both, 1) for both in zip(near, (k, v, place)))
    else:
        places = place
    before, outputs = k.shape[1] - tokens, []
    for at in range(0, tokens, CHUNK):
        end = min(at + CHUNK, tokens)
        first = 0 if padded else max(before + at - window + 1, 0)
        seen = slice(first, before + end)
        kc, vc = (wide(x[:, seen]).repeat_interleave(repeats, 2) for x in (k, v))
        distance = place[:, at:end, None] - places[:, None, seen]
        hidden = (distance < 0) | (distance >= window) | (places[:, None, seen] < 0)
        score = torch.einsum("bthd,bshd->bhts", wide(q[:, at:end]), kc) * q.shape[-1] ** -0.5
        score = score.masked_fill(hidden[:, None], torch.finfo(score.dtype).min)  # of padding finite too
        outputs.append(torch.einsum("bhts,bshd->bthd", F.softmax(score, -1), vc))
    last = places.argsort(dim=-1, stable=True)[:, max(places.shape[1] - window + 1, 0) :]  # padding comes first
    row = last[:, :, None, None].expand(-1, -1, *k.shape[2:])
    return torch.cat(outputs, 1), (k.gather(1, row), v.gather(1, row), places.gather(1, last))


class Norm(nn.Module):
    """RMS norm, or a layer norm, with a gain and no bias."""

    def __init__(self, width: int, eps: float, centred: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps, self.centred = eps, centred

    def forward(self, x):
        y = wide(x)
        if self.centred:
            y = y - y.mean(-1, keepdim=True)
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.eps)
        return (y * wide(self.weight)).to(x.dtype)


class HeadMap(nn.Module):
    """A linear map of each head's own: (..., heads, d) to (..., heads, r)."""

    def __init__(self, heads: int, d: int, r: int):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(r, d).repeat(heads, 1, 1))  # (heads, out, in)
        self.bias = nn.Parameter(torch.zeros(heads, r))

    def forward(self, x):
        return torch.einsum("bthi,hoi->btho", x, self.weight) + self.bias


class DenseMap(nn.Linear):
    """A linear map over all heads: (..., heads, d) to (..., heads, r)."""

    def __init__(self, heads: int, d: int, r: int):
        super().__init__(heads * d, heads * r)
        self.heads = heads

    def forward(self, x):
        return super().forward(x.flatten(2)).unflatten(2, (self.heads, -1))


def learned_maps(kind, heads: int, d: int, r: int, depth: int) -> nn.Module:
    """The first of a chain of maps; those after it are its children "1", "2"."""
    first = kind(heads, d, r)
    for i in range(1, depth):
        first.add_module(str(i), kind(heads, r, r))
    return first


def through(maps: nn.Module, x):
    y = maps(x)
    for more in maps.children():
        y = more(F.relu(y))
    return y


class LinearAttention(nn.Module):
    def __init__(self, config: SupraConfig):
        super().__init__()
        s = self.stages = config.supra
        if s["feature"] not in FEATURES:
            raise ValueError(f"the feature map {s['feature']} is not known here; {', '.join(FEATURES)} are")
        for role, known in (
            ("position", ("none", "rope", "rope_scaled", "rope_before", "xpos", "absolute")),
            ("decay", ("none", "slopes", "retnet", "learned", "per_token")),
            ("normalizer", ("none", "sum", "group_norm", "rms_norm", "rms_norm_gain")),
            ("map", ("none", "dense", "per_head")),
        ):
            if s[role] not in known:
                raise ValueError(f"the {role} {s[role]} is not known here; {', '.join(known)} are")
        dim, heads, groups, d = config.hidden_size, config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.heads, self.groups, self.d = heads, groups, d
        r = round(d * s.get("map_width", 1))  # numbers of a head's row that the feature map sees
        self.features = feature_width(s["feature"], r)
        self.q_proj = nn.Linear(dim, heads * d, bias=config.attention_bias)
        self.k_proj = nn.Linear(dim, groups * d, bias=config.attention_bias)
        self.v_proj = nn.Linear(dim, groups * d, bias=config.attention_bias)
        self.o_proj = nn.Linear(heads * d, dim, bias=False)
        if s["map"] != "none":
            kind, depth = DenseMap if s["map"] == "dense" else HeadMap, s.get("map_depth", 1)
            self.map_q = learned_maps(kind, heads, d, r, depth)
            if kind is HeadMap or not s["shared_map"]:
                self.map_k = learned_maps(kind, groups, d, r, depth)
        if s["qk_norm"]:
            self.q_norm, self.k_norm = (
                Norm(heads * self.features, config.rms_norm_eps, s["norm"] == "layer_gain") for _ in range(2)
            )
        if s["feature"] == "softmax_temperature":
            self.feature_q, self.feature_k = nn.Parameter(torch.ones(heads, 1)), nn.Parameter(torch.ones(groups, 1))
        if s["normalizer"] == "rms_norm_gain":
            self.normalizer = nn.Parameter(torch.ones(heads, d))
        if s["decay"] == "learned":
            self.decay = nn.Parameter(torch.zeros(heads))
        if s["decay"] == "per_token":
            self.decay_gate = nn.Linear(dim, heads)
        if s.get("output_gate", False):
            self.output_gate = nn.Linear(dim, heads * d, bias=False)
        self.window = s.get("window", 0)
        if self.window > 0:  # softmax over the last tokens has this part of a head, by a sigmoid
            self.branch_mix = nn.Parameter(torch.zeros(heads))

    def forward(self, x, position: torch.Tensor, mask: Optional[torch.Tensor], state: Optional[torch.Tensor], near=None):
        """x (B, T, dim), position (B or 1, T), mask (B, T): 0 where a token is padding, which adds nothing to the state and
        takes nothing away; near: what softmax sees of earlier tokens -> y (B, T, dim), the state and near after it."""
        q = self.rows(x, self.q_proj, self.heads)
        k, v = (self.rows(x, p, self.groups) for p in (self.k_proj, self.v_proj))
        if self.stages["position"] == "rope_before" or self.window > 0:  # as in the transformer that it was
            turned_q, turned_k = self.turned(q, k, position, self.stages["rope"]["rope_type"] != "default")
        if self.window > 0:
            place = position.to(x.device).expand(x.shape[:2])
            place = place if mask is None else place.masked_fill(mask == 0, -1)
            softmax, near = window_attention(turned_q, turned_k, v, place, near, self.window, mask is not None)
        if self.stages["position"] == "rope_before":
            q, k = turned_q, turned_k
        q, k = self.mapped(q, k)
        repeats = self.heads // self.groups
        k, v = (y.repeat_interleave(repeats, 2) for y in (k, wide(v)))
        if self.stages["qk_norm"]:
            q, k = (norm(y.flatten(2)).view_as(y) for norm, y in ((self.q_norm, q), (self.k_norm, k)))
        q, k = self.placed(q, k, position)
        k = k * self.features**-0.5
        if self.stages["normalizer"] == "sum":  # one more column of the state sums the weights
            v = torch.cat([v, torch.ones_like(v[..., :1])], -1)
        log_gamma = self.log_gamma(x, q)
        if mask is not None:
            k, log_gamma = k * mask[:, :, None, None], log_gamma * mask[:, :, None]
        if state is None:
            state = q.new_zeros(x.shape[0], self.heads, self.features, v.shape[-1])
        o, state = decayed_sum(*(y.transpose(1, 2) for y in (q, k, v, log_gamma)), state)
        o = self.normalized(o.transpose(1, 2))
        if self.window > 0:
            o = torch.lerp(o, softmax, torch.sigmoid(wide(self.branch_mix))[:, None])
        o = o.flatten(2).to(x.dtype)
        if self.stages.get("output_gate", False):  # 1 where it was never trained
            o = (wide(o) * 2 * torch.sigmoid(wide(self.output_gate(x)))).to(x.dtype)
        return self.o_proj(o), state, near

    def rows(self, x, projection, heads):
        return projection(x).view(*x.shape[:2], heads, self.d)

    def mapped(self, q, k):
        if self.stages["map"] != "none":
            q, k = through(self.map_q, q), through(getattr(self, "map_k", self.map_q), k)
        feature = FEATURES[self.stages["feature"]]
        return feature(wide(q), getattr(self, "feature_q", None)), feature(wide(k), getattr(self, "feature_k", None))

    def placed(self, q, k, position):
        """Mapped rows at their positions."""
        kind = self.stages["position"]
        if kind in ("rope", "rope_scaled"):
            return self.turned(q, k, position, kind == "rope_scaled")
        n = q.shape[-1]
        if kind == "xpos":  # turned, and scaled so that scores fall with the distance
            q, k = self.turned(q, k, position, False)
            fall = [math.log((2.0 * i / n + 0.4) / 1.4) / 512 for i in range(n // 2)]
            scale = F.pad(waves(position, fall).repeat(1, 1, 1, 2), (0, n % 2))
            return q * scale.exp().to(q), k * (-scale).exp().to(k)
        if kind == "absolute":  # sines and cosines by turns, none for the last of an odd row
            angle = waves(position, [10000.0 ** (-2.0 * i / n) for i in range(n // 2)])
            wave = torch.stack([torch.sin(angle), torch.cos(angle)], -1).flatten(-2)
            wave = F.pad(wave, (0, n % 2)).to(q)
            return q + wave, k + wave
        return q, k

    def turned(self, q, k, position, scaled):
        turns, size = rotary_turns(self.stages["rope"], scaled, q.shape[-1])
        angle = waves(position, turns)
        cos, sin = (size * f(angle).to(wide(q)) for f in (torch.cos, torch.sin))
        return (rotate(wide(x), cos, sin).to(x.dtype) for x in (q, k))

    def log_gamma(self, x, q):
        """(B, T, H)"""
        if self.stages["decay"] == "per_token":
            return F.logsigmoid(wide(self.decay_gate(x)))
        if self.stages["decay"] == "learned":
            one = -torch.exp(wide(self.decay))
        else:
            one = q.new_tensor(constant_decay(self.stages["decay"], self.heads, self.stages["decay_start"]))
        return one.expand(*q.shape[:3])

    def normalized(self, o):
        """(B, T, H, E) to (B, T, H, d)"""
        kind = self.stages["normalizer"]
        if kind == "sum":
            return o[..., :-1] / (o[..., -1:] + 1e-6)
        if kind == "group_norm":
            return F.layer_norm(o, o.shape[-1:], eps=1e-5)
        if kind == "none":
            return o
        o = o * torch.rsqrt(o.pow(2).mean(-1, keepdim=True) + 1e-5)
        return o * wide(self.normalizer) if kind == "rms_norm_gain" else o


class FeedForward(nn.Module):
    def __init__(self, config: SupraConfig):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: SupraConfig):
        super().__init__()
        centred = config.supra["norm"] == "layer_gain"
        self.input_layernorm = Norm(config.hidden_size, config.rms_norm_eps, centred)
        self.self_attn = LinearAttention(config)
        self.post_attention_layernorm = Norm(config.hidden_size, config.rms_norm_eps, centred)
        self.mlp = FeedForward(config)

    def forward(self, x, position, mask, state, near):
        y, state, near = self.self_attn(self.input_layernorm(x), position, mask, state, near)
        x = x + y
        return x + self.mlp(self.post_attention_layernorm(x)), state, near


@dataclass
class SupraOutput(ModelOutput):
    loss: Optional[torch.Tensor] = None
    logits: Optional[torch.Tensor] = None
    last_hidden_state: Optional[torch.Tensor] = None
    state: Optional[SupraState] = None
    hidden_states: Optional[Tuple[torch.Tensor, ...]] = None


class SupraPreTrainedModel(PreTrainedModel):
    config_class = SupraConfig
    base_model_prefix = "model"
    _is_stateful = True  # a state cannot go back to an earlier token
    _no_split_modules = ["Layer"]

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(0, self.config.initializer_range)
            if getattr(module, "bias", None) is not None:
                module.bias.data.zero_()


class SupraModel(SupraPreTrainedModel):
    def __init__(self, config: SupraConfig):
        super().__init__(config)
        if not (config.supra or {}).get("linear", False):
            raise ValueError('config.json has no object "supra" of a linear attention, so this is no model of this class')
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.num_hidden_layers)])
        self.norm = Norm(config.hidden_size, config.rms_norm_eps, config.supra["norm"] == "layer_gain")
        self.post_init()

    def get_input_embeddings(self):
        return self.embed_tokens

    def set_input_embeddings(self, value):
        self.embed_tokens = value

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        inputs_embeds=None,
        state: Optional[SupraState] = None,
        use_cache=None,
        output_hidden_states=None,
        return_dict=None,
        **kwargs,
    ):
        x = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        use_cache = self.config.use_cache if use_cache is None else use_cache
        before = state or SupraState(len(self.layers))
        after = SupraState(len(self.layers))
        after.seen = before.seen + x.shape[1]
        mask = None
        if attention_mask is not None and not attention_mask.all():  # it covers the text so far too
            mask = attention_mask[:, -x.shape[1] :].to(wide(x).dtype)
        position = torch.arange(before.seen, after.seen)[None]
        if mask is not None or before.tokens is not None:  # a text begins behind its padding
            count = torch.ones(x.shape[:2]) if mask is None else mask.cpu()
            tokens = before.seen if before.tokens is None else before.tokens
            position = (torch.zeros(x.shape[0], dtype=torch.long) + tokens)[:, None] + count.long().cumsum(-1) - 1
            after.tokens = position[:, -1] + 1
        hidden = [x]
        for i, layer in enumerate(self.layers):
            x, after.layers[i], after.near[i] = layer(x, position, mask, before.layers[i], before.near[i])
            hidden.append(x)
        x = self.norm(x)
        hidden = (*hidden[:-1], x) if output_hidden_states else None
        output = SupraOutput(last_hidden_state=x, state=after if use_cache else None, hidden_states=hidden)
        return output if return_dict is not False else output.to_tuple()


class SupraForCausalLM(SupraPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}
    accepts_loss_kwargs = False  # the loss is the mean of a batch: Trainer divides it by the batches that it accumulates

    def __init__(self, config: SupraConfig):
        super().__init__(config)
        self.model = SupraModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self):
        return self.model.embed_tokens

    def set_input_embeddings(self, value):
        self.model.embed_tokens = value

    def get_output_embeddings(self):
        return self.lm_head

    def set_output_embeddings(self, value):
        self.lm_head = value

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        inputs_embeds=None,
        state: Optional[SupraState] = None,
        labels=None,
        use_cache=None,
        output_hidden_states=None,
        return_dict=None,
        logits_to_keep=0,
        **kwargs,
    ):
        """labels (B, T): the ids again, -100 where nothing is predicted; logits_to_keep: of the last tokens, 0: of all."""
        inner = self.model(input_ids, attention_mask, inputs_embeds, state, use_cache, output_hidden_states)
        x = inner.last_hidden_state
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(x[:, keep])
        loss = None
        if labels is not None:
            loss = F.cross_entropy(wide(logits[:, :-1]).flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        output = SupraOutput(loss=loss, logits=logits, state=inner.state, hidden_states=inner.hidden_states)
        return output if return_dict is not False else output.to_tuple()

    # generate() keeps the whole text in input_ids; a state has read all of it but the last tokens.
    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # the state is this file's own

    def prepare_inputs_for_generation(
        self, input_ids, state=None, attention_mask=None, inputs_embeds=None, use_cache=None, **kwargs
    ):
        if state is not None:
            input_ids = input_ids[:, min(state.seen, input_ids.shape[1] - 1) :]
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "state": state, "use_cache": use_cache}
        if inputs_embeds is not None and state is None:
            inputs.update(input_ids=None, inputs_embeds=inputs_embeds)
        return {**inputs, "logits_to_keep": kwargs.get("logits_to_keep") or 0}

    def _update_model_kwargs_for_generation(self, outputs, model_kwargs, **kwargs):
        model_kwargs.pop("state", None)
        if outputs.get("state") is not None:  # beam search reorders what is there, whatever it is
            model_kwargs["state"] = outputs["state"]
        return super()._update_model_kwargs_for_generation(outputs, model_kwargs, **kwargs)
