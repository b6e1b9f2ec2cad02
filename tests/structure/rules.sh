#!/usr/bin/env bash
# Usage: rules.sh [ROOT]. Checks that the library names no backend, that backends name no stage, and that every stage has its
# test and its page. Prints each breach as a line and fails if there is one.
set -euo pipefail
root=${1:-.}
cd "$root"
folders=(feature position decay normalizer)
breaches=0
breach() { echo "$1"; breaches=$((breaches + 1)); }

# Lines of a file with the part after // cut off, each as file:number:text.
code() { awk '{ sub(/\/\/.*/, ""); print FILENAME ":" FNR ":" $0 }' "$@"; }

# 1 The library names no backend; core/config.hpp alone asks for the compiler.
while IFS= read -r line; do
  breach "a backend's name in the library: $line"
done < <(grep -rnE 'Kokkos::|tbb::|Eigen::|__CUDA' include/supra | grep -v '^include/supra/core/config\.hpp:' || true)

# 2 Backends name no stage. Words of everyday use (sum, exp, none, ...) are left to the rule on includes.
stems=()
for folder in "${folders[@]}"; do
  for header in include/supra/"$folder"/*.hpp; do
    [ -e "$header" ] || continue
    stem=$(basename "$header" .hpp)
    case $stem in
      exp | sum | none | identity | linear | learned | elementwise | constant | scale | scaled | "$folder") ;;
      *) stems+=("$stem") ;;
    esac
  done
done
mapfile -t backend_files < <(find backends -type f \( -name '*.hpp' -o -name '*.cpp' -o -name '*.cuh' -o -name '*.cu' \) 2>/dev/null | sort)
if [ ${#backend_files[@]} -gt 0 ]; then
  names=$(IFS='|'; echo "${stems[*]:-no_stage_at_all}")
  includes=$(IFS='|'; echo "${folders[*]}")
  while IFS= read -r line; do
    breach "a stage's name in a backend: $line"
  done < <(code "${backend_files[@]}" | grep -E "^[^:]*:[0-9]+:.*(\b($names)\b|supra/($includes)/)" || true)
fi

# 3 A stage is a header, a test and a page of the same stem.
for folder in "${folders[@]}"; do
  for header in include/supra/"$folder"/*.hpp; do
    [ -e "$header" ] || continue
    stem=$(basename "$header" .hpp)
    for other in "tests/$folder/$stem.cpp" "docs/$folder/$stem.md"; do
      [ -e "$other" ] || breach "$header has no $other"
    done
  done
done

if [ $breaches -gt 0 ]; then
  echo "$breaches breaches of the rules of structure"
  exit 1
fi
echo "no breach of the rules of structure"
