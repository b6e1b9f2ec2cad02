#!/usr/bin/env bash
# Usage: rules_catch.sh ROOT. Breaks each rule of rules.sh once in a small tree of its own: each must be found, no other.
set -euo pipefail
rules=$1/tests/structure/rules.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$tree"
mkdir -p include/supra/{core,feature} backends/toy tests/feature docs/feature
echo '#ifdef __CUDACC__' > include/supra/core/config.hpp
echo 'struct hedgehog {};' > include/supra/feature/hedgehog.hpp
echo '// as hedgehog needs it' > backends/toy/toy.hpp
touch tests/feature/hedgehog.cpp docs/feature/hedgehog.md

bash "$rules" . > said || { echo "a tree without a breach is refused:"; cat said; exit 1; }

# Does what $2 says, expects a breach with the text $1, undoes it with $3.
must_find() {
  eval "$2"
  if bash "$rules" . > said || ! grep -qF "$1" said || ! grep -q '^1 breaches' said; then
    echo "expected one breach, '$1', after: $2"
    cat said
    exit 1
  fi
  eval "$3"
}
must_find "a backend's name in the library" 'echo "Eigen::MatrixXf m;" > include/supra/core/a.hpp' 'rm include/supra/core/a.hpp'
must_find "a backend's name in the library" 'echo "#ifdef __CUDA_ARCH__" > include/supra/core/a.hpp' 'rm include/supra/core/a.hpp'
must_find "a stage's name in a backend" 'echo "hedgehog h;" > backends/toy/b.hpp' 'rm backends/toy/b.hpp'
must_find "a stage's name in a backend" 'echo "#include <supra/decay/none.hpp>" > backends/toy/b.hpp' 'rm backends/toy/b.hpp'
must_find "has no tests/feature/hedgehog.cpp" 'rm tests/feature/hedgehog.cpp' 'touch tests/feature/hedgehog.cpp'
must_find "has no docs/feature/hedgehog.md" 'rm docs/feature/hedgehog.md' 'touch docs/feature/hedgehog.md'
echo "each rule finds its breach"
