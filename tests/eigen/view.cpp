// Eigen's matrices, maps, references and blocks as rows.
#include "supra/eigen/view.hpp"

#include "core/view_check.hpp"
#include "supra/eigen/backend.hpp"

using namespace supra;
using namespace supra_test;

namespace {
using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using outer = Eigen::OuterStride<>;
template <class T>
using matrix_of = std::conditional_t<std::is_const_v<T>, const row_major, row_major>;
template <class T>
using map_of = Eigen::Map<matrix_of<T>, 0, outer>;

const auto map = []<class T>(T* data, const tensor_shape& t, supra_test::strides s) {
  return view_of(map_of<T>(data, t.tokens, t.heads * t.width, outer(s.token)), t);
};
const auto reference = []<class T>(T* data, const tensor_shape& t, supra_test::strides s) {
  map_of<T> m(data, t.tokens, t.heads * t.width, outer(s.token));
  return view_of(Eigen::Ref<matrix_of<T>, 0, outer>(m), t);
};
}  // namespace

BOOST_AUTO_TEST_CASE(maps_and_references) {
  eigen_backend b;
  same_bits_as_dense(b, flat_strides, map), same_bits_as_dense(b, dense_strides, map);
  same_bits_as_dense(b, flat_strides, reference);
}

BOOST_AUTO_TEST_CASE(a_matrix_and_its_block) {
  row_major m(5, 14);
  const tensor_shape q{"queries", 5, 2, 6}, all{"queries", 5, 2, 7};
  const auto whole = view_of(m, all);
  BOOST_TEST((whole.data == m.data() && whole.token == 14 && whole.head == 7));
  const auto part = view_of(m.middleCols(1, 12), q);
  BOOST_TEST((part.data == m.data() + 1 && part.token == 14 && part.head == 6));
  const row_major& read = m;
  static_assert(std::is_same_v<decltype(view_of(read, all)), strided<const float>>);
  static_assert(std::is_same_v<decltype(view_of(m, all)), strided<float>>);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit) {
  row_major m(5, 12), wide(5, 24);
  const tensor_shape q{"queries", 5, 2, 6};
  refused([&] { view_of(m, {"keys", 5, 2, 7}); }, {"view of keys", "(5, 14)", "found (5, 12)"});
  using scattered = Eigen::Map<row_major, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  refused([&] { view_of(scattered(wide.data(), 5, 12, {24, 2}), q); }, {"features one after another"});
  refused([&] { view_of(map_of<float>(m.data(), 5, 12, outer(6)), q); }, {"do not overlap"});
}
