#!/usr/bin/env python3
"""flash-linear-attention's causal sum with a decay per head (no map, no rope, no norm) on the shapes of bench/gpu/core.cpp,
and its step of one token on those of bench/gpu/decode.cpp, against the same floors. Arguments: [core|decode], both without.
Needs torch, triton and flash-linear-attention. JSON lines; medians."""
import json
import sys

import torch
from fla.ops.simple_gla import chunk_simple_gla, fused_recurrent_simple_gla
from triton.testing import do_bench


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


def main():
    which = sys.argv[1] if len(sys.argv) > 1 else "both"
    a = torch.empty(2**31, dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    bandwidth = 2 * a.numel() / median(lambda: b.copy_(a)) * 1e3
    print(json.dumps({"card": torch.cuda.get_device_name(), "copy_gb_s": round(bandwidth * 1e-9)}), flush=True)
    del a, b
    for count in (1, 4, 16, 64, 256) if which != "core" else ():
        decode_step(count, 32, 128, bandwidth)
    for count, length, heads, d in [(8, 2048, 32, 128), (1, 16384, 32, 128), (8, 2048, 32, 64)] if which != "decode" else []:
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
