// One composition, forward, backward and step, on one backend: what a user's translation unit pays for (target compile_budget).
#include "supra/core/linear_attention.hpp"
#include "supra/decay/slopes.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/feature/hedgehog.hpp"
#include "supra/normalizer/group_norm.hpp"
#include "supra/position/rope.hpp"

template class supra::attention<supra::linear_attention<supra::hedgehog, supra::rope, supra::slope_decay, supra::group_norm>,
                                supra::eigen_backend, float>;
