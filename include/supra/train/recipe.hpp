// Recipes of uptraining: a name and the steps that are taken in order. At most one step is a transfer; the last trains the
// whole model, on the tokens that are left.
//   paper     the paper's (arXiv 2405.06640): every weight copied, all trained on the text
//   fit       output matrices in closed form first (linearize.hpp)
//   transfer  then layers one by one for a part of the tokens
//   distill   and the whole on the teacher's distribution instead of the text alone
//   scratch   no weight copied: what uptraining is compared with
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "supra/layer/distillation.hpp"
#include "supra/train/adamw.hpp"

namespace supra::train {

struct fit_step {
  std::int64_t tokens = 65536;
};
struct transfer_step {
  double share = 0.15;  // of all tokens that are trained on
  adamw_settings rates{.lr = 1e-3, .lr_added = 1e-3, .weight_decay = 0, .output_share = 0.3};
  std::int64_t warm_up = 3;  // steps, at least
};
struct text_step {
  double z = 1e-4;
  adamw_settings rates;
};
struct distill_step {
  layer::distillation_weights weights;
  adamw_settings rates{.weight_decay = 0};
};
using recipe_step = std::variant<fit_step, transfer_step, text_step, distill_step>;

struct recipe {
  std::string name;
  std::vector<recipe_step> steps;
  bool from_teacher = true;  // its weights are where the student starts

  template <class Step>
  Step* find() {
    for (auto& s : steps)
      if (auto* found = std::get_if<Step>(&s)) return found;
    return nullptr;
  }
  template <class Step>
  const Step* find() const {
    return const_cast<recipe*>(this)->find<Step>();
  }
};

inline const std::vector<recipe>& recipes() {
  static const std::vector<recipe> all = {
      {"paper", {text_step{}}},
      {"fit", {fit_step{}, text_step{}}},
      {"transfer", {fit_step{}, transfer_step{}, text_step{}}},
      {"distill", {fit_step{}, transfer_step{}, distill_step{}}},
      {"scratch", {text_step{.rates = {.lr = 2e-3, .lr_added = 2e-3}}}, false},
  };
  return all;
}
inline recipe recipe_named(const std::string& name) {
  std::string known;
  for (auto& r : recipes()) {
    if (r.name == name) return r;
    known += (known.empty() ? "" : ", ") + r.name;
  }
  throw std::invalid_argument("there is no recipe named \"" + name + "\"; there are " + known);
}

// Of so many steps of the optimizer, those of the transfer: the nearest number to its share that leaves one for the whole.
inline std::int64_t transfer_steps(const recipe& r, std::int64_t all) {
  const auto* t = r.find<transfer_step>();
  return t ? std::clamp<std::int64_t>(std::llround(t->share * static_cast<double>(all)), 0, std::max<std::int64_t>(0, all - 1))
           : 0;
}
// The tokens that the teacher's forward pass sees, of `trained` in all and `fitted` by the closed form.
inline std::int64_t teacher_tokens(const recipe& r, std::int64_t fitted, std::int64_t transferred, std::int64_t trained) {
  return (r.find<fit_step>() ? fitted : 0) + (r.find<distill_step>() ? trained : transferred);
}

}  // namespace supra::train
