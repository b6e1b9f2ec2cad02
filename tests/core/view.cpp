// Pointers and mdspan's shape as rows: the bits of dense tensors, nothing written between rows, a sentence for what does not
// fit.
#include "supra/core/view.hpp"

#include <array>

#include "core/view_check.hpp"
#include "supra/core/serial.hpp"

using namespace supra;
using namespace supra_test;

namespace {

// The members of std::mdspan that a view needs.
template <class T, int Rank>
struct span {
  T* data;
  std::array<std::int64_t, Rank> extents, strides;
  static constexpr std::size_t rank() { return Rank; }
  T* data_handle() const { return data; }
  std::int64_t extent(std::size_t i) const { return extents[i]; }
  std::int64_t stride(std::size_t i) const { return strides[i]; }
};
static_assert(SpanLike<span<float, 3>> && SpanLike<span<const float, 1>>);
static_assert(!SpanLike<std::vector<float>> && !SpanLike<float*> && !SpanLike<strided<float>>);

const auto pointer = [](auto* data, const tensor_shape& t, supra_test::strides s) { return view_of(data, s.token, s.head, t); };
const auto span3 = []<class T>(T* data, const tensor_shape& t, supra_test::strides s) {
  return view_of(span<T, 3>{data, {t.tokens, t.heads, t.width}, {s.token, s.head, 1}}, t);
};
const auto span2 = []<class T>(T* data, const tensor_shape& t, supra_test::strides s) {
  return view_of(span<T, 2>{data, {t.tokens, t.heads * t.width}, {s.token, 1}}, t);
};

float memory[1000];
const tensor_shape q{"queries", 5, 2, 6};
void of(std::array<std::int64_t, 3> extents, std::array<std::int64_t, 3> strides) {
  view_of(span<float, 3>{memory, extents, strides}, q);
}

}  // namespace

BOOST_AUTO_TEST_CASE(pointers_with_strides) {
  serial_backend b;
  same_bits_as_dense(b, odd_strides, pointer), same_bits_as_dense(b, head_by_head, pointer);
}
BOOST_AUTO_TEST_CASE(spans) {
  serial_backend b;
  same_bits_as_dense(b, odd_strides, span3), same_bits_as_dense(b, head_by_head, span3);
  same_bits_as_dense(b, flat_strides, span2);
}

BOOST_AUTO_TEST_CASE(tensors_of_a_shape) {
  const attention_shape s{9, 4, 2, 6, 5};
  BOOST_TEST((queries(s).heads == 4 && queries(s).width == 6 && keys(s).heads == 2 && keys(s).width == 6));
  BOOST_TEST((values(s).heads == 2 && values(s).width == 5 && outputs(s).heads == 4 && outputs(s).width == 5));
}

BOOST_AUTO_TEST_CASE(other_extents) {
  const std::vector<std::string> parts{"view of queries", "(5, 2, 6)", "(5, 12)", "attention_shape"};
  refused([] { of({5, 6, 2}, {12, 2, 1}); }, parts), refused([] { of({4, 2, 6}, {12, 6, 1}); }, parts);
  refused([] { view_of(span<const float, 2>{memory, {5, 6}, {6, 1}}, q); }, {"found (5, 6)"});
}
BOOST_AUTO_TEST_CASE(features_apart) {
  refused([] { of({5, 2, 6}, {24, 12, 2}); }, {"features one after another", "found strides (24, 12, 2)"});
  refused([] { of({5, 2, 6}, {1, 5, 10}); }, {"features one after another", "copy"});
}
BOOST_AUTO_TEST_CASE(rows_that_overlap) {
  refused([] { of({5, 2, 6}, {11, 6, 1}); }, {"do not overlap", "found strides (11, 6, 1)", "copy"});
  refused([] { of({5, 2, 6}, {12, 0, 1}); }, {"do not overlap"});
  refused([] { of({5, 2, 6}, {0, 6, 1}); }, {"do not overlap"});
  refused([] { view_of(memory + 100, -12, 6, q); }, {"run backwards", "found strides (-12, 6, 1)"});
  refused([] { view_of(memory + 100, 12, -6, q); }, {"run backwards"});
}
BOOST_AUTO_TEST_CASE(strides_of_what_there_is_one_of) {
  BOOST_TEST(view_of(memory, 0, 6, {"keys", 1, 2, 6}).head == 6);
  BOOST_TEST(view_of(memory, 6, -1, {"keys", 5, 1, 6}).token == 6);
  view_of(span<float, 3>{memory, {5, 2, 1}, {4, 2, 9}}, {"keys", 5, 2, 1});
  const auto narrow = view_of(span<float, 2>{memory, {5, 2}, {8, 3}}, {"keys", 5, 2, 1});
  BOOST_TEST((narrow.token == 8 && narrow.head == 3));
  view_of(static_cast<float*>(nullptr), 0, 0, {"keys", 0, 2, 6});
}
