#!/usr/bin/env python3
"""What uptraining loses: each model with the closed-form fit, with the paper's plain swap and from scratch, as a table.

Every run is one `supra uptrain` in a folder of its own under --out; a run that was cut off goes on from its checkpoint the next
time, one that ended is not repeated. Needs Python 3 alone.

  bench/quality.py --out quality --text tinystories.txt --model stories260K=stories260K.bin,tok512.bin
"""
import argparse, json, pathlib, signal, subprocess, sys, time

RECIPES = {"fit": "fit", "paper": "the paper's plain swap", "scratch": "from scratch"}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--program", default="build/cpu/bin/supra")
    p.add_argument("--out", required=True, type=pathlib.Path, help="folder of the runs; made if missing")
    p.add_argument("--text", required=True)
    p.add_argument("--model", required=True, action="append", help="NAME=MODEL,TOKENIZER; may be given again")
    p.add_argument("--tokens", type=int, default=6_000_000)
    p.add_argument("--evaluate-at", default="500000,1000000,2000000")
    p.add_argument("--jobs", type=int, default=1, help="runs at once")
    p.add_argument("--limit", type=float, default=0, help="stop all runs after this many seconds, to go on another time; 0: never")
    p.add_argument("more", nargs="*", help="more flags of supra uptrain, after --")
    return p.parse_args()


def ended(folder):
    return (folder / "report.html").exists()


def start(a, name, model, tokenizer, recipe):
    out = a.out / f"{name}.{recipe}"
    command = [a.program, "uptrain", "--teacher", model, "--tokenizer", tokenizer, "--text", a.text, "--tokens", str(a.tokens),
               "--evaluate-at", a.evaluate_at, "--recipe", recipe, "--checkpoint-every", "20", "--evaluate-windows", "1024", "--out", str(out)] + a.more
    if (out / "checkpoint.uptrain.safetensors").exists():
        command.append("--resume")
    elif (out / "log.jsonl").exists():                # cut off before its first checkpoint: from the start again
        (out / "log.jsonl").unlink()
    return out, subprocess.Popen(command, stdout=open(f"{out}.txt", "a"), stderr=subprocess.STDOUT)


def run(a):
    waiting = [(*m, r) for r in RECIPES for m in a.models if not ended(a.out / f"{m[0]}.{r}")]
    running, failed, deadline = [], [], time.time() + a.limit if a.limit else float("inf")
    while waiting or running:
        while waiting and len(running) < a.jobs:
            running.append(start(a, *waiting.pop(0)))
        time.sleep(0.2)
        for out, process in [r for r in running if r[1].poll() is not None]:
            running.remove((out, process))
            if process.returncode:
                failed.append(out)
        if time.time() > deadline:
            for _, process in running:
                process.send_signal(signal.SIGTERM)
            for _, process in running:
                process.wait()
            print(f"stopped after {a.limit:.0f} s; the same command goes on")
            break
    for out in failed:
        print(f"{out}: the run failed; {out}.txt ends with: {(open(f'{out}.txt').read().strip().splitlines() or [''])[-1]}")
    return not failed


def losses(folder):
    """Held-out losses by tag, and the tokens reached."""
    at, reached = {}, 0
    log = folder / "log.jsonl"
    for line in open(log) if log.exists() else []:
        try:
            event = json.loads(line)
        except json.JSONDecodeError:                   # a line cut off with its run
            continue
        if event.get("event") == "eval":
            at["teacher" if event["model"] == "teacher" else event["tag"]] = event["loss"]
        reached = max(reached, event.get("tokens", 0) if event.get("event") == "step" else 0)
    return at, reached


def table(a):
    marks = [f"{int(m) / 1e6:.3g}M" for m in a.evaluate_at.split(",")]
    columns = ["teacher", "swap", "fit"] + marks + ["end"]
    names = ["teacher", "at the swap", "after the fit"] + marks + [f"{a.tokens / 1e6:.3g}M", "recovered"]
    print("| model | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for name, _, _ in a.models:
        rows = {r: losses(a.out / f"{name}.{r}") for r in RECIPES}
        scratch, teacher = rows["scratch"][0].get("end"), rows["fit"][0].get("teacher")
        for recipe, (at, reached) in rows.items():
            cells = [f"{at[c]:.3f}" if at.get(c) is not None else "-" for c in columns]
            if "end" not in at:
                cells[-1] = f"at {reached / 1e6:.2f}M"
            gap = (scratch - at["end"]) / (scratch - teacher) if scratch and teacher and "end" in at else None
            print(f"| {name}, {RECIPES[recipe]} | " + " | ".join(cells) + (f" | {gap:.2f} |" if gap is not None else " | - |"))


def main():
    a = arguments()
    try:
        a.models = [(m.split("=")[0], *m.split("=", 1)[1].split(",", 1)) for m in a.model]
        assert all(len(m) == 3 for m in a.models)
    except (IndexError, AssertionError):
        sys.exit("quality: --model is NAME=MODEL,TOKENIZER, for instance stories260K=stories260K.bin,tok512.bin")
    a.out.mkdir(parents=True, exist_ok=True)
    good = run(a)
    table(a)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
