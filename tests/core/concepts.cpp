// Each concept: what has it, what has not, and the least that has it. All at compile time.
#include "supra/core/concepts.hpp"

#include "supra/core/elementwise.hpp"
#include "supra/core/serial.hpp"
#include "supra/supra.hpp"
#include "supra/testing/debug_backend.hpp"
#include "test.hpp"

using namespace supra;

namespace {

// Archetypes: these members and no others.
struct least_map {
  static constexpr int out_dim(int d) { return d; }
  template <class L, class P, class X, class Y> void forward(L, const P&, X, Y) const {}
  template <class L, class P, class X, class Y, class Z> void vjp(L, const P&, X, Y, Z) const {}
};
struct least_position {
  int table_size(int) const { return 0; }
  double table(int, int) const { return 0; }
  template <class L, class P, class X> void prepare(L, const P&, X) const {}
  template <class L, class P, class X, class Y> void forward(L, const P&, X, Y) const {}
  template <class L, class P, class X, class Y> void vjp(L, const P&, X, Y) const {}
};
struct least_identity {
  static constexpr bool identity = true;
};
struct least_constant {
  static constexpr decay_kind kind = decay_kind::constant;
  double log_gamma(int, int) const { return 0; }
};
struct least_gate {
  static constexpr decay_kind kind = decay_kind::per_token;
  float log_gamma(float) const { return 0; }
  float vjp(float, float) const { return 0; }
};
struct least_normalizer {
  static constexpr bool wants_denominator = false;
  template <class L, class P, class X, class Z, class Y> float forward(L, const P&, X, Z, Y) const { return 0; }
  template <class L, class P, class X, class Z, class Y> float vjp(L, const P&, X, Z, X, Y) const { return 0; }
};
struct least_function {
  static float value(float x) { return x; }
  static double value(double x) { return x; }
  static float derivative(float) { return 1; }
  static double derivative(double) { return 1; }
};

static_assert(FeatureMap<least_map> && Position<least_position> && Position<least_identity> && DecaySchedule<least_constant> &&
              DecaySchedule<least_gate> && Normalizer<least_normalizer> && Function<least_function>);
static_assert(explain_feature_map<least_map>() && explain_position<least_position>() && explain_position<least_identity>() &&
              explain_decay<least_constant>() && explain_decay<least_gate>() && explain_normalizer<least_normalizer>());

// Positives: every stage.
template <class... S> constexpr bool maps = (FeatureMap<S> && ...);
template <class... S> constexpr bool positions = (Position<S> && ...);
template <class... S> constexpr bool decays = (DecaySchedule<S> && ...);
template <class... S> constexpr bool normalizers = (Normalizer<S> && ...);
static_assert(maps<elementwise<identity>, elementwise<relu>, elementwise<elu1>, elementwise<exponential>, softmax,
                   softmax_temperature, hedgehog, taylor2>);
static_assert(positions<no_position, absolute, rope, rope_interleaved, rope_scaled, xpos>);
static_assert(decays<no_decay, slope_decay, retnet_decay, learned_decay, per_token_decay, given_decay>);
static_assert(normalizers<no_norm, sum_norm, group_norm, rms_norm, rms_norm_gain>);
static_assert(Backend<serial_backend> && Backend<testing::debug_backend>);
static_assert(Team<serial_backend::team> && Team<testing::debug_backend::team>);

// Negatives: other kinds, and one member missing or of the wrong type.
static_assert(!maps<int> && !maps<rope> && !maps<relu> && !maps<sum_norm> && !positions<softmax> && !positions<slope_decay>);
static_assert(!decays<rope> && !decays<softmax> && !normalizers<softmax> && !normalizers<no_position> && !Function<softmax>);
static_assert(!Backend<int> && !Team<serial_backend> && !Backend<serial_backend::team>);

struct no_width : least_map {
  static constexpr double out_dim(int d) { return d; }
};
struct forward_only {
  static constexpr int out_dim(int d) { return d; }
  template <class L, class P, class X, class Y> void forward(L, const P&, X, Y) const {}
};
struct not_const {
  static constexpr int out_dim(int d) { return d; }
  template <class L, class P, class X, class Y> void forward(L, const P&, X, Y) {}
  template <class L, class P, class X, class Y, class Z> void vjp(L, const P&, X, Y, Z) const {}
};
struct owns_memory : least_map {
  std::vector<float> numbers;
};
struct no_default : least_map {
  explicit no_default(int) {}
};
static_assert(!FeatureMap<no_width> && !FeatureMap<forward_only> && !FeatureMap<not_const>);
static_assert(!FeatureMap<owns_memory> && !FeatureMap<no_default>);
static_assert(HasOutDim<forward_only> && HasMapForward<forward_only> && !HasMapVjp<forward_only> && !HasMapForward<not_const>);

struct no_table {
  template <class L, class P, class X> void prepare(L, const P&, X) const {}
  template <class L, class P, class X, class Y> void forward(L, const P&, X, Y) const {}
  template <class L, class P, class X, class Y> void vjp(L, const P&, X, Y) const {}
};
static_assert(!Position<no_table> && HasPrepare<no_table> && HasTurn<no_table>);

struct learned_by_name_only {
  static constexpr decay_kind kind = decay_kind::learned;
  double log_gamma(int, int) const { return 0; }
};
struct no_kind {
  double log_gamma(int, int) const { return 0; }
};
static_assert(!DecaySchedule<learned_by_name_only> && !DecaySchedule<no_kind> && HasConstant<no_kind>);

struct returns_nothing {
  static constexpr bool wants_denominator = false;
  template <class L, class P, class X, class Z, class Y> void forward(L, const P&, X, Z, Y) const {}
  template <class L, class P, class X, class Z, class Y> float vjp(L, const P&, X, Z, X, Y) const { return 0; }
};
static_assert(!Normalizer<returns_nothing> && HasNormVjp<returns_nothing>);

}  // namespace

BOOST_AUTO_TEST_CASE(own_numbers) {
  BOOST_TEST(parameters_of<softmax>(8) == 0);
  BOOST_TEST(parameters_of<softmax_temperature>(8) == 1);
  BOOST_TEST(parameters_of<rms_norm_gain>(8) == 8);
}

BOOST_AUTO_TEST_CASE(kinds) {
  BOOST_TEST((kind_of<learned_decay> == decay_kind::learned));
  BOOST_TEST((kind_of<given_decay> == decay_kind::per_token));
  BOOST_TEST((kind_of<int> == decay_kind::constant));
}
