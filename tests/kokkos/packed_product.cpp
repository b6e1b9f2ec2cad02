// Products with packed matrices on Kokkos' host spaces: the serial backend's bits. Devices are told apart.
#include "../layer/packed.hpp"
#include "session.hpp"

using namespace supra_test;

namespace {
template <class B>
void same_bits() {
  B b;
  supra::serial_backend serial;
  const auto x = numbers(70 * 97, 5);
  for (auto kind : supra::layer::weight_kinds) {
    const packed_case<B> m(b, kind, 3001, 97);
    const packed_case<supra::serial_backend> wanted(serial, kind, 3001, 97);
    std::vector<float> y(70 * 3001, std::numeric_limits<float>::quiet_NaN()), z = y;
    supra::layer::packed_forward(b, 70, x.data(), {m.matrix.view(), y.data()});
    b.fence();
    supra::layer::packed_forward(serial, 70, x.data(), {wanted.matrix.view(), z.data()});
    BOOST_TEST((y == z), name_of(kind));
  }
}
template <class B>
void if_on_host() {
  static_assert(supra::on_host<B>() == !B::device);
  if constexpr (supra::on_host<B>()) same_bits<B>();
}
}  // namespace

BOOST_AUTO_TEST_CASE(the_serial_backends_bits) { if_on_host<supra::kokkos_backend<>>(); }
