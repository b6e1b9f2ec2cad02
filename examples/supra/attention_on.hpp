// The attention compositions that the program is built with, on one backend.
#pragma once

#include "attention.hpp"
#include "supra/supra.hpp"

namespace supra::program {

// Scaled or not: rope_scaled without a scaling turns as rope does, so that one composition serves both names.
template <class Feature, class Decay, class Normalizer, class Registry>
void add_turned(Registry& r, const std::string& feature, const std::string& decay, const std::string& normalizer) {
  for (const char* position : {"rope", "rope_scaled"})
    if (const auto name = feature + "/" + position + "/" + decay + "/" + normalizer; !r.has(name))
      r.template add<linear_attention<Feature, rope_scaled, Decay, Normalizer>>(name);
}

template <attention_group G, class B>
void add_attention(model::attention_registry<B, scalar<B>>& r) {
  using map = elementwise<relu>;
  if constexpr (G == attention_group::paper) {
    model::add_paper_attention(r);
    // models of the paper without positions
    r.template add<linear_attention<map, no_position, slope_decay, group_norm>>("relu/none/slopes/group_norm");
    r.template add<linear_attention<map, no_position, no_decay, group_norm>>("relu/none/none/group_norm");
  } else if constexpr (G == attention_group::scaled) {
    add_turned<map, slope_decay, group_norm>(r, "relu", "slopes", "group_norm");
    add_turned<map, retnet_decay, group_norm>(r, "relu", "retnet", "group_norm");
    add_turned<map, no_decay, group_norm>(r, "relu", "none", "group_norm");
    add_turned<map, per_token_decay, group_norm>(r, "relu", "per_token", "group_norm");
    add_turned<map, learned_decay, group_norm>(r, "relu", "learned", "group_norm");
  } else {
    add_turned<hedgehog, slope_decay, sum_norm>(r, "hedgehog", "slopes", "sum");
    add_turned<elementwise<elu1>, slope_decay, sum_norm>(r, "elu1", "slopes", "sum");
    add_turned<softmax, slope_decay, sum_norm>(r, "softmax", "slopes", "sum");
  }
}

}  // namespace supra::program

// In a backend's file, for all of its groups, or for one.
#define SUPRA_ATTENTION_GROUP(Backend, group) \
  template void supra::program::add_attention<supra::program::attention_group::group, Backend>( \
      supra::model::attention_registry<Backend, supra::program::scalar<Backend>>&);
#define SUPRA_ATTENTION(Backend) \
  SUPRA_ATTENTION_GROUP(Backend, paper) SUPRA_ATTENTION_GROUP(Backend, scaled) SUPRA_ATTENTION_GROUP(Backend, others)
