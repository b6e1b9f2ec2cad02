// A composition's gradients in double on a plain backend: what those of another backend and type are compared with.
#pragma once

#include <random>
#include <vector>

#include "supra/testing/check_attention.hpp"

namespace supra::testing {

// Of <o, d_o> + <final states, d_state>, with every number of x and d_o times 1 + a random number within the roundoff.
template <class Plain, class Composition>
attention_values gradients_in_double(const attention_case& c, const Composition& stages, const attention_values& x,
                                     std::vector<double> d_o, const std::vector<double>& d_state, double roundoff) {
  Plain plain;
  attention<Composition, Plain, double> layer(stages);
  attention_run<Plain, double> run(plain, layer, c);
  attention_values y = x;
  std::mt19937_64 g(c.seed + 11);
  std::uniform_real_distribution<double> within(-roundoff, roundoff);
  auto round = [&](std::vector<double>& v) {
    for (auto& z : v) z *= 1 + within(g);
  };
  for (auto* v : y.all) round(*v);
  round(d_o);
  const sequences seq{c.count, c.length};
  return run.backward(y, seq, run.tokens(), run.forward(y, seq, run.tokens()), d_o, d_state);
}

}  // namespace supra::testing
