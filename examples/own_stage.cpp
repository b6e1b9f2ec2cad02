// A feature map of one's own, checked, then composed and run forward and backward like any other.
#include <cmath>
#include <iostream>

// [include]
#include "supra/eigen/backend.hpp"
#include "supra/supra.hpp"
// [include]
// [include_checks]
#include "supra/testing/check_composition.hpp"
#include "supra/testing/check_stage.hpp"
// [include_checks]

// [stage]
// relu, then each row divided by its length: y = r / sqrt(r . r + 1e-6), r = max(x, 0).
struct unit_relu {
  SUPRA_FN static constexpr int out_dim(int d) { return d; }

  SUPRA_INLINE void forward(auto lanes, const auto&, auto x, auto y) const {
    const auto s = inverse_length(lanes, x, y);
    lanes.each(x.size(), [&](auto i) { y[i] = supra::relu::value(x[i]) * s; });
  }
  // dx = s (dy - y (y . dy)) where x > 0.
  SUPRA_INLINE void vjp(auto lanes, const auto&, auto x, auto dy, auto dx) const {
    const auto s = inverse_length(lanes, x, dx);
    const auto along = s * lanes.sum(x.size(), [&](auto i) { return supra::relu::value(x[i]) * dy[i]; });
    lanes.each(x.size(), [&](auto i) { dx[i] = supra::relu::derivative(x[i]) * s * (dy[i] - x[i] * s * along); });
  }
  SUPRA_INLINE static auto inverse_length(auto lanes, auto x, auto y) {
    using A = typename decltype(y)::value_type;      // float or double, whatever rows are stored as
    return A(1) / supra::math::sqrt(A(1e-6) + lanes.sum(x.size(), [&](auto i) { return supra::relu::value(x[i]) * x[i]; }));
  }
};
// [stage]

int main() {
  // [check]
  const auto stage = supra::testing::check_stage<unit_relu>();
  std::cout << stage;

  using mine = supra::linear_attention<unit_relu, supra::rope, supra::retnet_decay, supra::group_norm>;
  supra::eigen_backend backend;
  const auto whole = supra::testing::check_composition<mine, supra::eigen_backend, double>(backend, {});
  for (const auto& failure : whole.failures) std::cout << failure << "\n";
  // [check]
  std::cout << (whole.ok() ? "composition: all forms and gradients agree\n" : "composition: failed\n");
  return stage.ok() && whole.ok() ? 0 : 1;
}
