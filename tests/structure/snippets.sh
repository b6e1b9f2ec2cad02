#!/usr/bin/env bash
# Every block of C++ in README.md and docs/stage.md stands, but for its indentation, between two equal markers `// [name]` of a compiled example.
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 - <<'P'
import glob, re, sys
cut = []
for path in glob.glob("examples/*.cpp"):
    text = open(path).read()
    cut += [re.sub(r"(?m)^ +", "", m.group(2)).strip() for m in re.finditer(r"// \[(\w+)\]\n(.*?)\n *// \[\1\]", text, re.S)]
wrong = 0
for page in ["README.md", "docs/stage.md"]:
    for block in re.findall(r"```cpp\n(.*?)```", open(page).read(), re.S):
        if re.sub(r"(?m)^ +", "", block).strip() not in cut:
            wrong += 1
            print(page + " shows code that no example compiles:\n" + block)
sys.exit(wrong != 0)
P
