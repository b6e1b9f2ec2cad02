// From the names in a model's configuration to a composed attention: a registry that a program fills with the compositions it
// was built with, so that each is compiled once, where the program wants it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "supra/core/linear_attention.hpp"
#include "supra/decay/none.hpp"
#include "supra/decay/retnet.hpp"
#include "supra/decay/slopes.hpp"
#include "supra/feature/identity.hpp"
#include "supra/feature/relu.hpp"
#include "supra/layer/rotary.hpp"
#include "supra/model/config.hpp"
#include "supra/normalizer/group_norm.hpp"
#include "supra/position/rope.hpp"
#include "supra/position/xpos.hpp"

namespace supra::model {

// Stages take their numbers from the configuration: an overload of configure for a stage's type in its own namespace.
template <class Stage> void configure(Stage&, const config&) {}
inline void configure(supra::rope& p, const config& c) { p.theta = c.rope_theta; }
inline void configure(supra::rope_scaled& p, const config& c) { p = layer::scaled_rope(c); }
inline void configure(supra::xpos& p, const config& c) { p.theta = c.rope_theta; }
inline void configure(supra::slope_decay& d, const config& c) { d.start = c.attention.decay_start; }

// feature/position/decay/normalizer, as the configuration names them.
inline std::string stages_name(const linear_attention_config& a) {
  return a.feature + "/" + a.position + "/" + a.decay + "/" + a.normalizer;
}
// The same of the core, the names of the stages' headers: rows that were turned before the map have no position there. With
// qk-norm the map stands before the norm, outside the core, which then sees features that are mapped already.
inline std::string composition_name(linear_attention_config a) {
  if (turns_before(a)) a.position = "none";
  return stages_name(a);
}

template <class B, class T> class attention_registry {
 public:
  using factory = std::function<std::unique_ptr<any_attention<B, T>>(const config&)>;

  template <class Composition> void add(const std::string& name) {
    factories_[name] = [](const config& c) -> std::unique_ptr<any_attention<B, T>> {
      Composition stages;
      configure(stages.feature, c), configure(stages.position, c), configure(stages.decay, c), configure(stages.normalizer, c);
      return std::make_unique<attention<Composition, B, T>>(stages);
    };
  }
  std::unique_ptr<any_attention<B, T>> make(const config& c, const linear_attention_config& a) const {
    const auto i = factories_.find(composition_name(a));
    if (i != factories_.end()) return i->second(c);
    std::string known;
    for (auto& f : factories_) known += (known.empty() ? "" : ", ") + f.first;
    throw std::invalid_argument("this program was not built with the attention " + composition_name(a) + "; it has " + known +
                                ". Choose one of these, or add the composition to the program and build again");
  }
  bool has(const std::string& name) const { return factories_.count(name) != 0; }

 private:
  std::map<std::string, factory> factories_;
};

// The paper's: relu features, rope after the map, group norm; slopes, RetNet's decay or none. `identity` serves qk-norm.
template <class B, class T> void add_paper_attention(attention_registry<B, T>& r) {
  auto both = [&]<class Decay>(const std::string& decay, Decay) {
    r.template add<supra::linear_attention<elementwise<relu>, rope, Decay, group_norm>>("relu/rope/" + decay + "/group_norm");
    r.template add<supra::linear_attention<elementwise<identity>, rope, Decay, group_norm>>("identity/rope/" + decay +
                                                                                            "/group_norm");
  };
  both("slopes", slope_decay{}), both("retnet", retnet_decay{}), both("none", no_decay{});
}

}  // namespace supra::model
