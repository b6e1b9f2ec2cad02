// Each thing that a call is refused for, as a sentence.
#include "supra/core/check.hpp"

#include "core/view_check.hpp"
#include "supra/core/serial.hpp"

using namespace supra;
using supra_test::refused;

namespace {
using paper = linear_attention<elementwise<relu>, rope, slope_decay, group_norm>;
using learned = linear_attention<softmax_temperature, rope, learned_decay, rms_norm_gain>;

bool in_kernel = false;
struct telling_backend : serial_backend {  // stages can know where they run
  template <class K>
  void launch(std::int64_t n, std::size_t scratch, const K& kernel) {
    in_kernel = true, serial_backend::launch(n, scratch, kernel), in_kernel = false;
  }
};
struct wider_in_kernels : elementwise<relu> {
  static int out_dim(int d) { return in_kernel ? d + 1 : d; }
};
struct no_width : elementwise<relu> {
  static int out_dim(int) { return 0; }
};
struct owns_more_in_kernels : softmax_temperature {
  static int parameters(int) { return in_kernel ? 2 : 1; }
};
struct gains_more_in_kernels : rms_norm_gain {
  static int parameters(int e) { return in_kernel ? e : e + 1; }
};
template <class Map, class Norm = group_norm>
using with = linear_attention<Map, no_position, slope_decay, Norm>;

// One token of zeros, all arrays given.
template <class Composition, class Backend = telling_backend>
void run(int d = 6) {
  Backend b;
  float in[100] = {}, own[20] = {}, o[100];
  const auto rows = dense<const float>(in, 2, d);
  attention<Composition, Backend, float>().forward(b, {1, 2, 2, d, d}, {1, 1}, {rows, rows, rows, own, own, own, own},
                                                   {dense(o, 2, d)});
}
}  // namespace

BOOST_AUTO_TEST_CASE(shapes) {
  const auto unfit = [](const attention_shape& s, const sequences& q, const std::vector<std::string>& parts) {
    refused([&] { check(s, q); }, parts);
  };
  check({10, 4, 2, 6, 5}, {2, 5});
  unfit({10, 0, 2, 6, 5}, {2, 5}, {"must be positive", "heads 0"});
  unfit({-1, 4, 2, 6, 5}, {2, 5}, {"must not be negative", "tokens -1"});
  unfit({10, 4, 3, 6, 5}, {2, 5}, {"heads (4)", "kv_heads (3)"});
  unfit({10, 4, 2, 6, 5, 0}, {2, 5}, {"chunk", "found 0"});
  unfit({10, 4, 2, 6, 5}, {3, 5}, {"3 sequences of 5 tokens", "10 tokens"});
  const std::int64_t begin[] = {0};
  unfit({10, 4, 2, 6, 5}, {1, 0, begin}, {"begin and end"});
}

BOOST_AUTO_TEST_CASE(arrays_that_are_missing) {
  float x[100] = {};
  const auto rows = dense<const float>(x, 2, 6);
  const attention_shape s{1, 2, 2, 6, 6};
  refused([&] { check_given<paper, float>(s, {rows, {}, rows}); }, {"q, k and v"});
  refused([&] { check_given<learned, float>(s, {rows, rows, rows}); }, {"inputs.decay"});
  refused([&] { check_given<learned, float>(s, {rows, rows, rows, x}); }, {"feature_q and feature_k"});
  refused([&] { check_given<learned, float>(s, {rows, rows, rows, x, x, x}); }, {"inputs.normalizer"});
  check_given<learned, float>(s, {rows, rows, rows, x, x, x, x});
  attention_gradients<float> g;
  g.o = g.d_o = rows;
  refused([&] { check_given(s, g); }, {"outputs.saved"});
}

BOOST_AUTO_TEST_CASE(widths_that_differ_in_kernels) {
  refused([] { run<with<wider_in_kernels>>(); },
          {"out_dim(6) is 6 on the host and 7 in the backend's kernels", "depend on its argument alone"});
  refused([] { run<with<owns_more_in_kernels>>(); }, {"the feature map's parameters(6) is 1 on the host and 2"});
  refused([] { run<with<elementwise<relu>, gains_more_in_kernels>>(); }, {"the normalizer's parameters(6) is 7"});
  refused([] { run<with<no_width>>(); }, {"out_dim(6) is 0; it must be at least 1"});
  run<with<hedgehog>>(), run<learned>();
}
BOOST_AUTO_TEST_CASE(the_map_alone) {
  telling_backend b;
  float x[20] = {}, y[20];
  attention<with<wider_in_kernels>, telling_backend, float> layer;
  refused([&] { layer.map(b, 1, 1, 6, dense<const float>(x, 1, 6), nullptr, dense(y, 1, 6)); }, {"out_dim(6) is 6"});
}
