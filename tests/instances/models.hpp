// Models on the Eigen backend, which many tests use: compiled once, in double.cpp, float.cpp and bf16.cpp.
#pragma once

#include "supra/eigen/backend.hpp"
#include "supra/model/state.hpp"
#include "supra/model/transformer.hpp"

#define SUPRA_TEST_MODELS(kind, T) \
  kind template void supra::model::add_paper_attention(supra::model::attention_registry<supra::eigen_backend, T>&); \
  kind template class supra::model::transformer<supra::eigen_backend, T>; \
  kind template class supra::model::generation<supra::eigen_backend, T>;
#ifndef __CUDACC__  // tests of nvcc's instantiate what they use
SUPRA_TEST_MODELS(extern, double)
SUPRA_TEST_MODELS(extern, float)
SUPRA_TEST_MODELS(extern, supra::bf16)
#endif
