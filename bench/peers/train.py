#!/usr/bin/env python3
"""A training step of SUPRA's student (forward, backward, clipping, AdamW; float32) in PyTorch on the CPU, and supra's own beside it.

  python3 -m venv V; V/bin/pip install torch numpy; V/bin/python bench/peers/train.py --supra build/cpu/bin/bench_train

PyTorch gets chunked linear attention without loops over tokens, torch.compile where it can (--eager: without), fused AdamW, as many
threads as supra. Both are timed turn by turn; the medians and their ratio are printed as JSON lines.
"""
import argparse, json, math, statistics, subprocess, time

import torch
import torch.nn.functional as F

SHAPES = {"tok105": dict(V=105, d=128, L=5, H=8, G=4, ff=352), "15m": dict(V=32000, d=288, L=6, H=6, G=6, ff=768)}
T, B, CHUNK = 256, 32, 64


def slopes(h):
    p = 2 ** math.floor(math.log2(h))
    s = [2 ** (-8 * (i + 1) / p) for i in range(p)]
    return s + [2 ** (-8 * (2 * i + 1) / (2 * p)) for i in range(h - p)]


class Attention(torch.nn.Module):
    def __init__(self, V, d, L, H, G, ff):
        super().__init__()
        self.H, self.G, self.D = H, G, d // H
        lin = lambda o, i, bias=False: torch.nn.Linear(i, o, bias=bias)
        self.q, self.k, self.v, self.o = lin(d, d), lin(G * self.D, d), lin(G * self.D, d), lin(d, d)
        self.mq, self.mk = lin(d, d, True), lin(G * self.D, G * self.D, True)
        g = -torch.tensor(slopes(H))                  # log decay of each head
        i = torch.arange(CHUNK)
        n = torch.arange(T // CHUNK)
        steps = (i[:, None] - i).clamp(min=0)
        self.register_buffer("inside", torch.where(i[:, None] >= i, torch.exp(g[:, None, None] * steps), 0.0))      # H,C,C
        self.register_buffer("up", torch.exp(g[:, None] * (i + 1))[:, None, :, None])                              # H,1,C,1
        self.register_buffer("down", torch.exp(g[:, None] * (CHUNK - 1 - i))[:, None, :, None])
        apart = (n[:, None] - 1 - n).clamp(min=0) * CHUNK                                                          # chunks between
        self.register_buffer("between", torch.where(n[:, None] > n, torch.exp(g[:, None, None] * apart), 0.0))      # H,N,N
        inv = 10000.0 ** (-torch.arange(0, self.D, 2) / self.D)
        angle = torch.arange(T)[:, None] * inv
        self.register_buffer("cos", torch.cat((angle.cos(), angle.cos()), -1))
        self.register_buffer("sin", torch.cat((-angle.sin(), angle.sin()), -1))

    def heads(self, x, n):                            # B,T,nD -> B,n,T,D
        return x.view(B, T, n, self.D).transpose(1, 2)

    def turn(self, x):
        return x * self.cos + x.roll(self.D // 2, -1) * self.sin

    def forward(self, x):
        H, G, D, N = self.H, self.G, self.D, T // CHUNK
        q = self.turn(torch.relu(self.heads(self.mq(self.q(x)), H)))
        k = self.turn(torch.relu(self.heads(self.mk(self.k(x)), G))) / math.sqrt(D)
        v = self.heads(self.v(x), G)
        if G != H:
            k, v = k.repeat_interleave(H // G, 1), v.repeat_interleave(H // G, 1)
        q, k, v = (y.reshape(B, H, N, CHUNK, D) for y in (q, k, v))
        weights = (q @ k.transpose(-1, -2)) * self.inside[:, None]
        new = (k * self.down).transpose(-1, -2) @ v                              # what each chunk adds: B,H,N,D,D
        before = (self.between @ new.flatten(-2)).view(B, H, N, D, D)            # the state before each chunk
        o = weights @ v + (q * self.up) @ before
        o = F.layer_norm(o, (D,), eps=1e-5)                                      # group norm: a head is a group
        return self.o(o.reshape(B, H, T, D).transpose(1, 2).reshape(B, T, H * D))


class Layer(torch.nn.Module):
    def __init__(self, **s):
        super().__init__()
        d, ff = s["d"], s["ff"]
        self.n1, self.n2 = torch.nn.RMSNorm(d, 1e-5), torch.nn.RMSNorm(d, 1e-5)
        self.attention = Attention(**s)
        self.gate, self.up, self.down = (torch.nn.Linear(i, o, bias=False) for i, o in ((d, ff), (d, ff), (ff, d)))

    def forward(self, x):
        x = x + self.attention(self.n1(x))
        h = self.n2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(torch.nn.Module):
    def __init__(self, **s):
        super().__init__()
        self.embedding = torch.nn.Embedding(s["V"], s["d"])
        self.layers = torch.nn.ModuleList(Layer(**s) for _ in range(s["L"]))
        self.norm = torch.nn.RMSNorm(s["d"], 1e-5)

    def forward(self, ids, targets):
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x)
        logits = F.linear(self.norm(x), self.embedding.weight).flatten(0, 1)
        partition = torch.logsumexp(logits, -1)
        right = logits.gather(1, targets.flatten()[:, None])[:, 0]
        return (partition - right + 1e-4 * partition ** 2).mean()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--supra", default="build/cpu/bin/bench_train")
    p.add_argument("--threads", type=int, default=torch.get_num_threads())
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--eager", action="store_true")
    p.add_argument("shapes", nargs="*", default=list(SHAPES))
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    for name in a.shapes:
        s = SHAPES[name]
        model = Model(**s)
        step = model if a.eager else torch.compile(model, dynamic=False)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
        x, y = torch.randint(s["V"], (B, T)), torch.randint(s["V"], (B, T))
        times, ours = [], []
        for i in range(a.steps + 1):
            start = time.perf_counter()
            loss = step(x, y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if i:                                     # the first compiles
                times.append(time.perf_counter() - start)
        for _ in range(2):
            out = subprocess.run([a.supra, name, "tbb", str(a.threads), str(a.steps)], capture_output=True, text=True, check=True)
            ours.append(json.loads(out.stdout)["tokens_per_second"])
        torch_rate = B * T / statistics.median(times)
        print(json.dumps(dict(bench="train", shape=name, threads=a.threads, torch=torch.__version__, compiled=not a.eager,
                              torch_tokens_per_second=round(torch_rate), supra_tokens_per_second=round(max(ours)),
                              ratio=round(max(ours) / torch_rate, 2))), flush=True)


if __name__ == "__main__":
    main()
