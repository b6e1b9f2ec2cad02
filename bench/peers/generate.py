#!/usr/bin/env python3
"""Generated tokens a second of supra's RNN beside another program's transformer of the same shape, one thread each.

  bench/peers/generate.py --run ./run            llama2.c's run.c, built by you: gcc -Ofast -march=native run.c -lm -o run
  bench/peers/generate.py --command 'prog {model} {tokenizer} {tokens}'   any program that prints "tok/s: N" as run does

Models of random weights and a tokenizer file of made-up pieces, both in llama2.c's layout, are written to a temporary folder.
Turn by turn; the best of --repeats of each. --weights: how supra keeps them; the other program has floats. Needs Python 3 alone.
"""
import argparse, array, json, pathlib, random, re, struct, subprocess, sys, tempfile

# dim, hidden, layers, heads, kv heads, vocabulary, length
SHAPES = {"stories260k": (64, 172, 5, 8, 4, 512, 512), "tok105": (128, 352, 5, 8, 4, 105, 256), "15m": (288, 768, 6, 6, 6, 32000, 256)}


def write_model(path, shape):
    d, f, L, H, G, V, T = shape
    head = d // H
    count = V * d + L * (2 * d + 2 * d * d + 2 * d * G * head + 3 * d * f) + d + T * head
    draw = random.Random(1)
    block = array.array("f", (draw.gauss(0, 0.05) for _ in range(1 << 16)))
    with open(path, "wb") as out:
        out.write(struct.pack("<7i", *shape))
        while count > 0:
            block[:count].tofile(out)
            count -= len(block)


def write_tokenizer(path, vocab):
    with open(path, "wb") as out:
        out.write(struct.pack("<i", 8))
        for i in range(vocab):
            piece = f"<{i:05x}>".encode() if i >= 259 else b" " if i == 258 else f"<{i}>".encode()
            out.write(struct.pack("<fi", -float(i), len(piece)) + piece)


def rate_of(command, pattern):
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    found = re.findall(pattern, ended.stdout.decode(errors="replace"))
    if not found:
        sys.exit(f"generate: '{' '.join(command)}' printed no number of tokens a second; it ended with {ended.returncode}:\n"
                 + ended.stdout.decode(errors="replace")[-500:])
    return float(found[-1])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--supra", default="build/cpu/bin/bench_generate")
    p.add_argument("--run", help="a program with the arguments of llama2.c's run")
    p.add_argument("--command")
    p.add_argument("--weights", default="f32,bf16,int8", help="how supra keeps them, one after another")
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("shapes", nargs="*", default=list(SHAPES))
    a = p.parse_args()
    if not a.run and not a.command:
        p.error("give --run or --command, the program to compare with")
    command = a.command or f"{a.run} {{model}} -z {{tokenizer}} -t 0 -n {{tokens}}"
    with tempfile.TemporaryDirectory() as folder:
        for name in a.shapes:
            shape = SHAPES[name]
            model, tokenizer = pathlib.Path(folder) / f"{name}.bin", pathlib.Path(folder) / f"{name}.tokenizer"
            write_model(model, shape), write_tokenizer(tokenizer, shape[5])
            tokens = shape[6] - 1
            words = [w.format(model=model, tokenizer=tokenizer, tokens=tokens) for w in command.split()]
            theirs, ours = [], {kind: [] for kind in a.weights.split(",")}
            for _ in range(a.repeats):
                theirs.append(rate_of(words, r"tok/s:? *([0-9.]+)"))
                for kind in ours:
                    ours[kind].append(rate_of([a.supra, name, "eigen", "1", str(tokens if name == "15m" else 20 * tokens), kind],
                                              r'"tokens_per_second":([0-9.]+)'))
            for kind, rates in ours.items():
                print(json.dumps(dict(bench="generate", shape=name, weights=kind, peer_tokens_per_second=round(max(theirs)),
                                      supra_tokens_per_second=round(max(rates)),
                                      ratio=round(max(rates) / max(theirs), 2))), flush=True)


if __name__ == "__main__":
    main()
