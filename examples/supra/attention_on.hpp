// The attention compositions that the program is built with, on one backend.
#pragma once

#include "attention.hpp"
#include "supra/supra.hpp"

namespace supra::program {

// Scaled or not: rope_scaled without a scaling turns as rope does, so that one composition serves both names.
template <class Feature, class Decay, class Normalizer, class Registry>
void add_turned(Registry& r, const std::string& feature, const std::string& decay, const std::string& normalizer) {
  for (const char* position : {"rope", "rope_scaled"})
    r.template add<linear_attention<Feature, rope_scaled, Decay, Normalizer>>(feature + "/" + position + "/" + decay + "/" +
                                                                             normalizer);
}

// With a decay that each token gives itself, with the paper's, and with none.
template <class Feature, class Normalizer, class Registry>
void add_unturned(Registry& r, const std::string& feature, const std::string& normalizer) {
  const auto name = [&](const char* decay) { return feature + "/none/" + decay + "/" + normalizer; };
  r.template add<linear_attention<Feature, no_position, per_token_decay, Normalizer>>(name("per_token"));
  r.template add<linear_attention<Feature, no_position, slope_decay, Normalizer>>(name("slopes"));
  r.template add<linear_attention<Feature, no_position, no_decay, Normalizer>>(name("none"));
}

template <attention_group G, class B>
void add_attention(model::attention_registry<B, scalar<B>>& r) {
  using map = elementwise<relu>;
  if constexpr (G == attention_group::paper) {
    // Behind qk-norm rows are mapped already; the paper's own map is of the next group.
    add_turned<elementwise<identity>, slope_decay, group_norm>(r, "identity", "slopes", "group_norm");
    add_turned<elementwise<identity>, retnet_decay, group_norm>(r, "identity", "retnet", "group_norm");
    add_turned<elementwise<identity>, no_decay, group_norm>(r, "identity", "none", "group_norm");
    // models of the paper without positions
    r.template add<linear_attention<map, no_position, slope_decay, group_norm>>("relu/none/slopes/group_norm");
    r.template add<linear_attention<map, no_position, no_decay, group_norm>>("relu/none/none/group_norm");
  } else if constexpr (G == attention_group::scaled) {
    add_turned<map, slope_decay, group_norm>(r, "relu", "slopes", "group_norm");
    add_turned<map, retnet_decay, group_norm>(r, "relu", "retnet", "group_norm");
    add_turned<map, no_decay, group_norm>(r, "relu", "none", "group_norm");
    add_turned<map, per_token_decay, group_norm>(r, "relu", "per_token", "group_norm");
    add_turned<map, learned_decay, group_norm>(r, "relu", "learned", "group_norm");
  } else if constexpr (G == attention_group::others) {
    add_turned<hedgehog, slope_decay, sum_norm>(r, "hedgehog", "slopes", "sum");
    add_turned<elementwise<elu1>, slope_decay, sum_norm>(r, "elu1", "slopes", "sum");
    add_turned<softmax, slope_decay, sum_norm>(r, "softmax", "slopes", "sum");
    add_turned<map, per_token_decay, rms_norm_gain>(r, "relu", "per_token", "rms_norm_gain");  // uptrain's own choice
  } else if constexpr (G == attention_group::variants) {
    add_turned<map, slope_decay, sum_norm>(r, "relu", "slopes", "sum");
    add_turned<map, slope_decay, no_norm>(r, "relu", "slopes", "none");
    add_turned<map, slope_decay, rms_norm>(r, "relu", "slopes", "rms_norm");
    add_turned<map, slope_decay, rms_norm_gain>(r, "relu", "slopes", "rms_norm_gain");
    add_turned<map, per_token_decay, rms_norm>(r, "relu", "per_token", "rms_norm");
    add_turned<elementwise<elu1>, slope_decay, group_norm>(r, "elu1", "slopes", "group_norm");
    add_turned<elementwise<exponential>, slope_decay, group_norm>(r, "exp", "slopes", "group_norm");
    add_turned<softmax, slope_decay, group_norm>(r, "softmax", "slopes", "group_norm");
    add_turned<hedgehog, slope_decay, group_norm>(r, "hedgehog", "slopes", "group_norm");
    add_turned<taylor2, slope_decay, group_norm>(r, "taylor2", "slopes", "group_norm");
    r.template add<linear_attention<map, xpos, slope_decay, group_norm>>("relu/xpos/slopes/group_norm");
    r.template add<linear_attention<map, absolute, slope_decay, group_norm>>("relu/absolute/slopes/group_norm");
  } else {
    static_assert(G == attention_group::turned_before);  // no position after the map
    r.template add<linear_attention<map, no_position, per_token_decay, rms_norm_gain>>("relu/none/per_token/rms_norm_gain");
    add_unturned<hedgehog, sum_norm>(r, "hedgehog", "sum");
    add_unturned<hedgehog, rms_norm_gain>(r, "hedgehog", "rms_norm_gain");
    add_unturned<taylor2, sum_norm>(r, "taylor2", "sum");
    r.template add<linear_attention<taylor2, no_position, per_token_decay, rms_norm_gain>>(
        "taylor2/none/per_token/rms_norm_gain");
    add_unturned<elementwise<exponential>, sum_norm>(r, "exp", "sum");
  }
}

}  // namespace supra::program

// In a backend's files: for one group, or for the first three, which take the compiler half as long as the others.
#define SUPRA_ATTENTION_GROUP(Backend, group) \
  template void supra::program::add_attention<supra::program::attention_group::group, Backend>( \
      supra::model::attention_registry<Backend, supra::program::scalar<Backend>>&);
#define SUPRA_ATTENTION(Backend) \
  SUPRA_ATTENTION_GROUP(Backend, paper) SUPRA_ATTENTION_GROUP(Backend, scaled) SUPRA_ATTENTION_GROUP(Backend, others)
