#include "supra/testing/check_stage.hpp"

#include <sstream>

#include "supra/supra.hpp"
#include "test.hpp"

using namespace supra;
using supra::testing::check_stage;

namespace {

// The stages below are each wrong in one way.
struct wrong_vjp : softmax {
  void vjp(auto lanes, const auto&, auto x, auto dy, auto dx) const {
    lanes.each(x.size(), [&](auto i) { dx[i] = 1.0001 * x[i] * dy[i]; });
  }
};
struct misses_a_feature : elementwise<relu> {
  void forward(auto lanes, const auto&, auto x, auto y) const {
    lanes.each(x.size() - 1, [&](auto i) { y[i] = x[i]; });
  }
};
struct local_sum : elementwise<relu> {
  void forward(auto lanes, const auto&, auto x, auto y) const {
    double s = 1;
    lanes.each(x.size(), [&](auto i) { s += x[i] * x[i]; });
    lanes.each(x.size(), [&](auto i) { y[i] = x[i] / s; });
  }
};
struct out_dim_too_small : elementwise<relu> {
  void forward(auto lanes, const auto&, auto x, auto y) const {
    lanes.each_half(2 * x.size(), [&](auto i, auto k) { y[i] = x[i], y[k] = -x[i]; });
  }
};
struct out_dim_too_large : elementwise<relu> {
  SUPRA_FN static constexpr int out_dim(int d) { return d + 3; }
};
struct no_features : elementwise<relu> {
  SUPRA_FN static int out_dim(int) { return 0; }
};
struct out_dim_that_counts : elementwise<relu> {
  static int out_dim(int d) { return d + calls++ % 2; }
  static inline int calls = 0;
};
struct out_dim_of_a_thread : elementwise<relu> {
  static int out_dim(int d) { return d + more; }
  static inline thread_local int more = 0;
};
struct adds_to_its_output : elementwise<identity> {
  void forward(auto lanes, const auto&, auto x, auto y) const {
    lanes.each(x.size(), [&](auto i) { y[i] = y[i] == 3.5 ? x[i] + 1 : x[i]; });
  }
};
struct every_lane_adds : softmax_temperature {
  void vjp(auto lanes, const auto& at, auto x, auto dy, auto dx) const {
    softmax_temperature::vjp(lanes, at, x, dy, dx);
    lanes.sync();
    lanes.each(1, [&](auto) { at.add(0, 0.25); });
  }
};
struct loses_digits : elementwise<identity> {
  void forward(auto lanes, const auto&, auto x, auto y) const {
    using A = typename decltype(y)::value_type;
    lanes.each(x.size(), [&](auto i) { y[i] = sizeof(A) == 8 ? x[i] : (A(x[i]) + A(1e5)) - A(1e5); });
  }
};
struct misses_a_sync : hedgehog {
  static constexpr bool random_access = true;
  void forward(auto lanes, const auto&, auto x, auto y) const {
    const int d = x.size();
    lanes.each(d, [&](auto i) { y[int(i)] = x[i]; });
    lanes.each(d, [&](auto i) { y[d + int(i)] = y[d - 1 - int(i)]; });
    lanes.sync();
  }
};
struct turns_on : rope {
  void vjp(auto lanes, const auto& at, auto angles, auto dx) const { rope::forward(lanes, at, angles, dx); }
};
struct leaves_angles : rope {
  void prepare(auto, const auto&, auto) const {}
};
struct grows : no_decay {
  double log_gamma(int head, int) const { return head == 2 ? 1e-3 : 0; }
};
struct wrong_slope : learned_decay {
  template <class A> A vjp(A, A d) const { return d; }
};
struct lane_returns : rms_norm {
  auto forward(auto lanes, const auto& at, auto o, auto z, auto y) const {
    rms_norm::forward(lanes, at, o, z, y);
    double s = 0;
    lanes.each(o.size(), [&](auto i) { s += o[i] * o[i]; });
    return static_cast<typename decltype(y)::value_type>(s);
  }
};
struct reads_z : no_norm {
  auto forward(auto lanes, const auto& at, auto o, auto z, auto y) const {
    no_norm::forward(lanes, at, o, z, y);
    lanes.each(y.size(), [&](auto i) { y[i] *= z; });
    return z * 0;
  }
};
struct forgets_dz : sum_norm {
  auto vjp(auto lanes, const auto& at, auto y, auto r, auto dy, auto dx) const {
    return 0 * sum_norm::vjp(lanes, at, y, r, dy, dx);
  }
};

template <class S> void fails_with(const std::string& words) {
  std::ostringstream out;
  out << check_stage<S>();
  BOOST_TEST(out.str().find("checks failed") != std::string::npos);
  BOOST_TEST(out.str().find(words) != std::string::npos, out.str());
}

}  // namespace

BOOST_AUTO_TEST_CASE(good_stages_pass) {
  std::ostringstream out;
  out << check_stage<softmax>() << check_stage<rope>() << check_stage<sum_norm>() << check_stage<slope_decay>()
      << check_stage<no_position>();
  BOOST_TEST(out.str().find("failed") == std::string::npos, out.str());
  BOOST_TEST(out.str().find("feature map: all ") == 0u);
}

BOOST_AUTO_TEST_CASE(a_wrong_gradient) {
  fails_with<wrong_vjp>("vjp is not the gradient of forward");
  fails_with<turns_on>("vjp is not the gradient of forward");
  fails_with<forgets_dz>("for z, the gradient");
  fails_with<wrong_slope>("is not the derivative of log_gamma");
}
BOOST_AUTO_TEST_CASE(a_feature_not_written) {
  fails_with<misses_a_feature>("forward leaves y[11] unwritten");
  fails_with<leaves_angles>("unwritten");
}
BOOST_AUTO_TEST_CASE(a_wrong_width) {
  fails_with<out_dim_too_small>("of a row that has fewer");
  fails_with<out_dim_too_large>("forward leaves y[12] unwritten");
}
BOOST_AUTO_TEST_CASE(a_width_that_is_none_or_changes) {
  fails_with<no_features>("out_dim(12) is 0: a mapped row has at least one feature");
  fails_with<out_dim_that_counts>("out_dim(12) is 12 and then 13");
  out_dim_of_a_thread::more = 2;
  fails_with<out_dim_of_a_thread>("out_dim(12) is 14 and on another thread 12");
}
BOOST_AUTO_TEST_CASE(what_only_three_lanes_show) {
  fails_with<local_sum>("on three lanes");
  fails_with<lane_returns>("returns a different number on each lane");
}
#ifndef __SANITIZE_THREAD__  // which would find it too
BOOST_AUTO_TEST_CASE(a_missing_sync) { fails_with<misses_a_sync>("on three lanes"); }
#endif
BOOST_AUTO_TEST_CASE(an_output_that_is_read) { fails_with<adds_to_its_output>("when its output holds other numbers before"); }
BOOST_AUTO_TEST_CASE(a_gradient_added_too_often) { fails_with<every_lane_adds>("for parameter 0"); }
BOOST_AUTO_TEST_CASE(too_few_digits) { fails_with<loses_digits>("in float"); }
BOOST_AUTO_TEST_CASE(a_decay_that_grows) { fails_with<grows>("log_gamma(head 2 of 3) is 0.001"); }
BOOST_AUTO_TEST_CASE(a_denominator_not_asked_for) { fails_with<reads_z>("unwritten, or not finite"); }
