// expect: supra: a position needs void forward and vjp(auto lanes, auto at, auto angles, auto x) const, in place
#include "supra/core/linear_attention.hpp"
#include "supra/decay/none.hpp"
#include "supra/feature/softmax.hpp"
#include "supra/normalizer/none.hpp"

struct fade {
  int table_size(int) const { return 0; }
  double table(int, int) const { return 0; }
  void prepare(auto, const auto&, auto) const {}
  void forward(auto lanes, const auto& at, auto, auto x) const {
    lanes.each(x.size(), [&](auto i) { x[i] *= at.position == 0 ? 1 : 0; });
  }
#ifdef SUPRA_MENDED
  void vjp(auto lanes, const auto& at, auto angles, auto dx) const { forward(lanes, at, angles, dx); }
#endif
};

supra::linear_attention<supra::softmax, fade, supra::no_decay, supra::no_norm> stages;
