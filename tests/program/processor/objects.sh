#!/usr/bin/env bash
# Usage: objects.sh CHECK.o PROGRAM native|portable. The check of the processor holds no vector instruction and no function that
# the linker could take from elsewhere, and gives none; a portable program holds no instruction of AVX or later at all.
set -euo pipefail
check=$1 program=$2 kind=$3
[ "$(uname -m)" = x86_64 ] || exit 0

# An AVX instruction's name begins with v; verr and verw, which do not belong to it, no compiler writes.
vectors() { objdump -d --no-show-raw-insn "$1" | grep -cP '^ *[0-9a-f]+:\t+v[a-z]' || true; }

if [ "$(vectors "$check")" != 0 ]; then echo "$check has instructions that not every processor has"; exit 1; fi
if nm "$check" | grep ' [WVuBDTR] '; then echo "$check shares the symbols above with other objects"; exit 1; fi
found=$(vectors "$program")
echo "$program: $found instructions of AVX or later"
if [ "$kind" = portable ] && [ "$found" != 0 ]; then echo "a portable program must have none"; exit 1; fi
