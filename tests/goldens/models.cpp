// All goldens on one backend, in one file: each model class is compiled once, and compiling takes longest here.
#include "hf.hpp"
#include "paper.hpp"
#include "smollm2.hpp"
