// The four kinds of stage, as concepts, and checks that answer with a sentence. Rows are indexed by slots only.
#pragma once

#include <concepts>
#include <type_traits>

#include "supra/core/lanes.hpp"
#include "supra/core/place.hpp"

namespace supra {

namespace probe {  // what a stage is tried with: serial lanes, rows of floats
using lanes = serial_lanes;
using at = place<float>;
using in = memory_row<const float, float>;
using out = memory_row<float, float>;
}  // namespace probe

// Stages are copied into kernels by value.
template <class S>
concept Stage = std::is_trivially_copyable_v<S> && std::is_default_constructible_v<S>;

// Feature map: a row of d numbers to a row of out_dim(d). Optional members:
//   static int parameters(int d)               own learned numbers per head (at.parameter, at.add)
//   static constexpr bool random_access = true  rows may be indexed by any integer after lanes.sync()
template <class F>
concept HasOutDim = requires(int d) {
  { F::out_dim(d) } -> std::same_as<int>;
};
template <class F>
concept HasMapForward = requires(const F f, probe::lanes l, probe::at at, probe::in x, probe::out y) {
  f.forward(l, at, x, y);
};
template <class F>
concept HasMapVjp = requires(const F f, probe::lanes l, probe::at at, probe::in x, probe::in dy, probe::out dx) {
  f.vjp(l, at, x, dy, dx);
};
template <class F>
concept FeatureMap = Stage<F> && HasOutDim<F> && HasMapForward<F> && HasMapVjp<F>;

// Position: turns a mapped row in place. prepare fills a row of the same width once per token (angles); `table` is filled once
// on the host with table_size(n) doubles, table(n, i) each, and read as at.table. `identity = true`: does nothing, has none of
// these.
template <class P>
concept IsIdentity = requires {
  requires P::identity;
};
template <class P>
concept HasTable = requires(const P p, int n) {
  { p.table_size(n) } -> std::same_as<int>;
  { p.table(n, n) } -> std::same_as<double>;
};
template <class P>
concept HasPrepare = requires(const P p, probe::lanes l, probe::at at, probe::out a) {
  p.prepare(l, at, a);
};
template <class P>
concept HasTurn = requires(const P p, probe::lanes l, probe::at at, probe::in a, probe::out x) {
  p.forward(l, at, a, x);
  p.vjp(l, at, a, x);
};
template <class P>
concept Position = Stage<P> &&(IsIdentity<P> || (HasTable<P> && HasPrepare<P> && HasTurn<P>));

// Decay: log gamma, at most 0. constant: of a head's number. learned: of one number per head. per_token: of one number per
// token and head. The last two also give the derivative: vjp(x, d) = d times d log_gamma / dx.
enum class decay_kind { constant, learned, per_token };
template <class D>
concept HasKind = requires {
  { D::kind } -> std::convertible_to<decay_kind>;
};
template <class D>
concept HasConstant = requires(const D d) {
  { d.log_gamma(int{}, int{}) } -> std::same_as<double>;
};
template <class D>
concept HasLearned = requires(const D d, float x) {
  { d.log_gamma(x) } -> std::same_as<float>;
  { d.vjp(x, x) } -> std::same_as<float>;
};
template <class D>
inline constexpr decay_kind kind_of = decay_kind::constant;
template <HasKind D>
inline constexpr decay_kind kind_of<D> = D::kind;
template <class D>
concept DecaySchedule = Stage<D> && HasKind<D> &&(kind_of<D> == decay_kind::constant ? HasConstant<D> : HasLearned<D>);

// Normalizer: from a row o of e sums (and z, the sum of weights, where wants_denominator is true) to the output row y; returns
// the one number that vjp needs beside y. vjp(lanes, at, y, number, dy, dx) writes the gradient of o, returns that of z.
//   static constexpr bool wants_denominator    z is meaningful
//   static int parameters(int e)               optional, own learned numbers per head
template <class N>
concept HasDenominatorFlag = requires {
  { N::wants_denominator } -> std::convertible_to<bool>;
};
template <class N>
concept HasNormForward = requires(const N n, probe::lanes l, probe::at at, probe::in o, float z, probe::out y) {
  { n.forward(l, at, o, z, y) } -> std::convertible_to<float>;
};
template <class N>
concept HasNormVjp = requires(const N n, probe::lanes l, probe::at at, probe::in y, float s, probe::out dx) {
  { n.vjp(l, at, y, s, y, dx) } -> std::convertible_to<float>;
};
template <class N>
concept Normalizer = Stage<N> && HasDenominatorFlag<N> && HasNormForward<N> && HasNormVjp<N>;

template <class S>
SUPRA_FN constexpr int parameters_of(int width) {
  if constexpr (requires { S::parameters(width); })
    return S::parameters(width);
  else
    return 0;
}

// The ladders: the first rung that breaks says what is missing.
template <class F>
constexpr bool explain_feature_map() {
  static_assert(Stage<F>,
                "supra: a feature map must be trivially copyable and default constructible: it is copied into kernels");
  static_assert(HasOutDim<F>, "supra: a feature map needs static int out_dim(int d), the width of a mapped row");
  static_assert(HasMapForward<F>, "supra: a feature map needs void forward(auto lanes, auto at, auto x, auto y) const");
  static_assert(HasMapVjp<F>,
                "supra: a feature map needs void vjp(auto lanes, auto at, auto x, auto dy, auto dx) const, its gradient");
  return true;
}
template <class P>
constexpr bool explain_position() {
  static_assert(Stage<P>, "supra: a position must be trivially copyable and default constructible: it is copied into kernels");
  if constexpr (!IsIdentity<P>) {
    static_assert(
        HasTable<P>,
        "supra: a position needs int table_size(int n) const and double table(int n, int i) const, filled on the host");
    static_assert(HasPrepare<P>,
                  "supra: a position needs void prepare(auto lanes, auto at, auto angles) const, once per token");
    static_assert(HasTurn<P>,
                  "supra: a position needs void forward and vjp(auto lanes, auto at, auto angles, auto x) const, in place");
  }
  return true;
}
template <class D>
constexpr bool explain_decay() {
  static_assert(Stage<D>,
                "supra: a decay schedule must be trivially copyable and default constructible: it is copied into kernels");
  static_assert(HasKind<D>, "supra: a decay schedule needs static constexpr decay_kind kind: constant, learned or per_token");
  static_assert(kind_of<D> != decay_kind::constant || HasConstant<D>,
                "supra: a constant decay needs double log_gamma(int head, int heads) const");
  static_assert(kind_of<D> == decay_kind::constant || HasLearned<D>,
                "supra: a learned or per-token decay needs auto log_gamma(auto x) const and auto vjp(auto x, auto d) const, "
                "its gradient");
  return true;
}
template <class N>
constexpr bool explain_normalizer() {
  static_assert(Stage<N>,
                "supra: a normalizer must be trivially copyable and default constructible: it is copied into kernels");
  static_assert(HasDenominatorFlag<N>, "supra: a normalizer needs static constexpr bool wants_denominator");
  static_assert(HasNormForward<N>,
                "supra: a normalizer needs auto forward(auto lanes, auto at, auto o, auto z, auto y) const that returns the "
                "number to save");
  static_assert(HasNormVjp<N>,
                "supra: a normalizer needs auto vjp(auto lanes, auto at, auto y, auto saved, auto dy, auto dx) const that "
                "returns dz, its gradient");
  return true;
}

}  // namespace supra
