#!/usr/bin/env python3
"""flash-linear-attention's causal sum with a decay per head (no map, no rope, no norm) on the shapes of bench/gpu/core.cpp,
and its step of one token on those of bench/gpu/decode.cpp, against the same floors; torch's softmax attention on those of
bench/gpu/softmax.cpp. Arguments: [core|decode|softmax], all without. Needs torch, triton and, but for softmax,
flash-linear-attention. JSON lines; medians."""
import json
import sys

import torch
from torch.nn.functional import scaled_dot_product_attention
from triton.testing import do_bench

try:
    from fla.ops.simple_gla import chunk_simple_gla, fused_recurrent_simple_gla
except ImportError:
    chunk_simple_gla = None


def median(f):
    return do_bench(f, warmup=50, rep=200, return_mode="median")


def decode_step(count, heads, d, bandwidth):
    """Steps of a graph, one state of float32 after another, so many that no state stays in the second level cache."""
    state_bytes = 4 * count * heads * d * d
    states = [torch.zeros(count, heads, d, d, device="cuda") for _ in range(max(2, 2**30 // state_bytes))]
    steps, initial = max(20, len(states)), list(states)  # replays begin at these: they must not be freed
    q, k, v = (torch.randn(count, 1, heads, d, device="cuda", dtype=torch.bfloat16) for _ in range(3))
    decay = -torch.tensor([2.0 ** (-8 * (i + 1) / heads) for i in range(heads)], device="cuda")

    def run(n):
        for i in range(n):
            j = i % len(states)
            _, states[j] = fused_recurrent_simple_gla(q, k, v, scale=d**-0.5, g_gamma=decay, initial_state=states[j],
                                                      output_final_state=True)

    stream, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
    with torch.no_grad():
        with torch.cuda.stream(stream):
            run(2)
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            run(steps)
    us = median(graph.replay) / steps * 1e3
    del initial
    floor = (2 * state_bytes + 8 * count * heads * d) / bandwidth * 1e6
    print(json.dumps({"bench": "gpu decode", "peer": "fla fused_recurrent_simple_gla", "B": count, "H": heads, "D": d,
                      "step_us": round(us, 2), "floor_us": round(floor, 2), "of_floor": round(us / floor, 2)}), flush=True)


def softmax_attention(backend, count, length, heads, kv_heads, d):
    """Operations counted as bench/gpu/softmax.cpp counts them. Keys are shared out to as many heads where backends want that."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q, g = (torch.randn(count, heads, length, d, device="cuda", dtype=torch.bfloat16, requires_grad=i == 0) for i in (0, 1))
    k, v = (torch.randn(count, kv_heads, length, d, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in range(2))
    line = {"bench": "gpu softmax", "peer": f"torch {torch.__version__} {backend}", "B": count, "T": length, "H": heads,
            "G": kv_heads, "D": d}
    try:
        with sdpa_kernel(getattr(SDPBackend, backend)):
            run = lambda: scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=heads != kv_heads)
            with torch.no_grad():
                forward = median(run)
            o = run()
            backward = median(lambda: torch.autograd.grad(o, (q, k, v), g, retain_graph=True))
    except RuntimeError as error:
        print(json.dumps({**line, "left out": str(error).splitlines()[0]}), flush=True)
        return
    product = count * heads * d * length**2 * 1e-9
    print(json.dumps({**line, "forward_ms": round(forward, 4), "backward_ms": round(backward, 4),
                      "forward_tflop_s": round(2 * product / forward), "backward_tflop_s": round(5 * product / backward)}),
          flush=True)


def main():
    which = sys.argv[1] if len(sys.argv) > 1 else "all"
    if which in ("softmax", "all"):
        for shape in [(8, 2048, 32, 32, 128), (8, 2048, 32, 8, 128), (8, 2048, 32, 32, 64), (8, 2048, 32, 4, 64),
                      (1, 16384, 32, 32, 128), (8, 2048, 16, 16, 256), (16, 1024, 12, 12, 64)]:
            for backend in ("FLASH_ATTENTION", "CUDNN_ATTENTION"):
                softmax_attention(backend, *shape)
    if which == "softmax" or chunk_simple_gla is None:
        return
    a = torch.empty(2**31, dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    bandwidth = 2 * a.numel() / median(lambda: b.copy_(a)) * 1e3
    print(json.dumps({"card": torch.cuda.get_device_name(), "copy_gb_s": round(bandwidth * 1e-9)}), flush=True)
    del a, b
    for count in (1, 4, 16, 64, 256) if which in ("decode", "all") else ():
        decode_step(count, 32, 128, bandwidth)
    for count, length, heads, d in [(8, 2048, 32, 128), (1, 16384, 32, 128), (8, 2048, 32, 64)] if which in ("core", "all") else []:
        shape = (count, length, heads, d)
        q, k, v, g = (torch.randn(shape, device="cuda", dtype=torch.bfloat16) for _ in range(4))
        decay = -torch.tensor([2.0 ** (-8 * (i + 1) / heads) for i in range(heads)], device="cuda")
        run = lambda q, k, v: chunk_simple_gla(q, k, v, scale=d**-0.5, g_gamma=decay)[0]
        forward = median(lambda: run(q, k, v))
        qg, kg, vg = (x.clone().requires_grad_() for x in (q, k, v))
        o = run(qg, kg, vg)
        backward = median(lambda: torch.autograd.grad(o, (qg, kg, vg), g, retain_graph=True))
        one = q.numel() * 2 / bandwidth * 1e3
        print(json.dumps({"bench": "gpu core", "peer": "fla chunk_simple_gla", "B": count, "T": length, "H": heads, "D": d,
                          "forward_ms": round(forward, 4), "backward_ms": round(backward, 4),
                          "forward_of_floor": round(forward / (4 * one), 2),
                          "both_of_floor": round((forward + backward) / (11 * one), 2)}), flush=True)


main()
