// Kokkos::Views as rows: layouts and ranks, const or not.
#include "supra/kokkos/view.hpp"

#include "core/view_check.hpp"
#include "kokkos/session.hpp"

using namespace supra;
using namespace supra_test;

namespace {
using space = Kokkos::DefaultExecutionSpace;
using memory = space::memory_space;
using unmanaged = Kokkos::MemoryTraits<Kokkos::Unmanaged>;

struct strided3 {
  const kokkos_backend<>& b;
  template <class T>
  strided<T> operator()(T* data, const tensor_shape& t, supra_test::strides s) const {
    const Kokkos::LayoutStride at(t.tokens, s.token, t.heads, s.head, t.width, 1);
    return view_of(b, Kokkos::View<T***, Kokkos::LayoutStride, memory, unmanaged>(data, at), t);
  }
};
struct strided2 {
  const kokkos_backend<>& b;
  template <class T>
  strided<T> operator()(T* data, const tensor_shape& t, supra_test::strides s) const {
    const Kokkos::LayoutStride at(t.tokens, s.token, t.heads * t.width, 1);
    return view_of(b, Kokkos::View<T**, Kokkos::LayoutStride, memory, unmanaged>(data, at), t);
  }
};
struct right3 {
  const kokkos_backend<>& b;
  template <class T>
  strided<T> operator()(T* data, const tensor_shape& t, supra_test::strides) const {
    return view_of(b, Kokkos::View<T***, Kokkos::LayoutRight, memory, unmanaged>(data, t.tokens, t.heads, t.width), t);
  }
};
struct right2 {
  const kokkos_backend<>& b;
  template <class T>
  strided<T> operator()(T* data, const tensor_shape& t, supra_test::strides) const {
    return view_of(b, Kokkos::View<T**, Kokkos::LayoutRight, memory, unmanaged>(data, t.tokens, t.heads * t.width), t);
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(layouts_and_ranks) {
  kokkos_backend<> b{space()};
  same_bits_as_dense(b, odd_strides, strided3{b}), same_bits_as_dense(b, head_by_head, strided3{b});
  same_bits_as_dense(b, flat_strides, strided2{b});
  same_bits_as_dense(b, dense_strides, right3{b}), same_bits_as_dense(b, dense_strides, right2{b});
}

// Queries, keys and values of one packed projection, and the memory that Kokkos owns.
BOOST_AUTO_TEST_CASE(subviews) {
  const kokkos_backend<> b;
  const Kokkos::View<float***, Kokkos::LayoutRight, memory> packed("packed", 9, 8, 6);
  const auto k = view_of(b, Kokkos::subview(packed, Kokkos::ALL, Kokkos::pair(4, 6), Kokkos::ALL), {"keys", 9, 2, 6});
  BOOST_TEST((k.data == packed.data() + 24 && k.token == 48 && k.head == 6));
  const Kokkos::View<const float***, Kokkos::LayoutRight, memory> read = packed;
  static_assert(std::is_same_v<decltype(view_of(b, read, {"queries", 9, 8, 6})), strided<const float>>);
  static_assert(std::is_same_v<decltype(view_of(b, packed, {"queries", 9, 8, 6})), strided<float>>);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit) {
  const kokkos_backend<> b;
  const tensor_shape q{"queries", 9, 8, 6};
  const Kokkos::View<float***, Kokkos::LayoutLeft, memory> left("left", 9, 8, 6);
  refused([&] { view_of(b, left, q); }, {"view of queries", "features one after another", "found strides (1, 9, 72)"});
  const Kokkos::View<float***, Kokkos::LayoutRight, memory> right("right", 9, 8, 5);
  refused([&] { view_of(b, right, q); }, {"(9, 8, 6)", "found (9, 8, 5)"});
}
