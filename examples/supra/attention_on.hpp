// The attention compositions that the program is built with, on one backend.
#pragma once

#include "supra/supra.hpp"
#include "training.hpp"

namespace supra::program {

template <class B>
model::attention_registry<B, scalar> program_attention() {
  model::attention_registry<B, scalar> r;
  model::add_paper_attention(r);
  using namespace supra;
  r.template add<linear_attention<elementwise<relu>, rope_scaled, slope_decay, group_norm>>(
      "relu/rope_scaled/slopes/group_norm");
  r.template add<linear_attention<elementwise<relu>, rope, per_token_decay, group_norm>>("relu/rope/per_token/group_norm");
  r.template add<linear_attention<elementwise<relu>, rope, learned_decay, group_norm>>("relu/rope/learned/group_norm");
  r.template add<linear_attention<hedgehog, rope, slope_decay, sum_norm>>("hedgehog/rope/slopes/sum");
  r.template add<linear_attention<elementwise<elu1>, rope, slope_decay, sum_norm>>("elu1/rope/slopes/sum");
  r.template add<linear_attention<softmax, rope, slope_decay, sum_norm>>("softmax/rope/slopes/sum");
  return r;
}

}  // namespace supra::program
