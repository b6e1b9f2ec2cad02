// expect: supra: a normalizer needs auto vjp(auto lanes, auto at, auto y, auto saved, auto dy, auto dx) const that returns dz,
// its gradient
#include "supra/core/linear_attention.hpp"
#include "supra/decay/none.hpp"
#include "supra/feature/softmax.hpp"
#include "supra/position/none.hpp"

struct half {
  static constexpr bool wants_denominator = false;
  auto forward(auto lanes, const auto&, auto o, auto, auto y) const {
    lanes.each(o.size(), [&](auto i) { y[i] = o[i] / 2; });
    return typename decltype(y)::value_type(0);
  }
#ifdef SUPRA_MENDED
  auto vjp(auto lanes, const auto&, auto, auto, auto dy, auto dx) const {
    lanes.each(dy.size(), [&](auto i) { dx[i] = dy[i] / 2; });
    return typename decltype(dx)::value_type(0);
  }
#endif
};

supra::linear_attention<supra::softmax, supra::no_position, supra::no_decay, half> stages;
