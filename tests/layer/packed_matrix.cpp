// Weights in fewer bits: how far each is from what it was, what cannot be packed, and how many bytes it takes.
#include "supra/layer/packed_matrix.hpp"

#include "packed.hpp"

using namespace supra_test;
using supra::layer::packed_matrix;
using backend = supra::serial_backend;

namespace {
void within_bounds(weight_kind kind, std::int64_t rows, std::int64_t cols, double size) {
  backend b;
  const packed_case<backend> m(b, kind, rows, cols, size);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::span<const float> row(m.values.data() + r * cols, static_cast<std::size_t>(cols));
    const double scale = supra::layer::row_scale(row);
    for (std::int64_t c = 0; c < cols; ++c) {
      const float w = row[static_cast<std::size_t>(c)];
      const double error = std::abs(double(w) - m.matrix.view().weight(r, c));
      BOOST_TEST(error <= weight_bound(kind, w, scale), w << " came back " << error << " away, scale " << scale);
    }
  }
}
std::string refusal(weight_kind kind, std::vector<float> values) {
  backend b;
  try {
    packed_matrix<backend>(b, kind, 1, static_cast<std::int64_t>(values.size()), values.data(), "model.W");
  } catch (const std::invalid_argument& e) { return e.what(); }
  return "";
}
}  // namespace

BOOST_AUTO_TEST_CASE(each_weight_within_its_bound) {
  for (auto kind : supra::layer::weight_kinds)
    for (auto rows : some_rows)
      for (auto cols : some_cols)
        for (double size : {1.0, 1e30, 1e-30, 1e-37})
          BOOST_TEST_CONTEXT(name_of(kind) << ", " << rows << " x " << cols << ", weights of size " << size)
  within_bounds(kind, rows, cols, size);
}

BOOST_AUTO_TEST_CASE(the_largest_and_zero_come_back) {
  backend b;
  const std::vector<float> values = {0, 0, 0, 0, 0, 0, 127, -127, 1, 0, -1, 64, FLT_MIN, -FLT_MIN, 0, 0, 0, 0};
  for (auto kind : supra::layer::weight_kinds) {
    const packed_matrix<backend> m(b, kind, 3, 6, values.data(), "W");
    for (std::int64_t i = 0; i < 18; ++i) BOOST_TEST(m.view().weight(i / 6, i % 6) == values[static_cast<std::size_t>(i)]);
  }
}

BOOST_AUTO_TEST_CASE(what_no_kind_can_hold_is_named) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  for (auto kind : supra::layer::weight_kinds)
    for (float bad : {nan, infinite, -infinite}) {
      const auto said = refusal(kind, {1, 2, bad, 3});
      BOOST_TEST(said.find("model.W: the weight in row 0, column 2 is ") == 0u, said);
      BOOST_TEST(said.ends_with(std::string(name_of(kind)) + " cannot hold"), said);
    }
  BOOST_TEST(refusal(weight_kind::bf16, {FLT_MAX}).ends_with("bf16 cannot hold"));
  BOOST_TEST(refusal(weight_kind::int8, {FLT_MAX}) == "");
  BOOST_TEST(refusal(weight_kind::int8, std::vector<float>(65537, 1.0f)).find("too long for int8") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(names) {
  for (auto kind : supra::layer::weight_kinds) BOOST_TEST((supra::layer::weight_kind_named(name_of(kind)) == kind));
  BOOST_CHECK_EXCEPTION(supra::layer::weight_kind_named("int4"), std::invalid_argument, [](auto& e) {
    return std::string(e.what()) == "weights are kept as f32, bf16 or int8, found \"int4\"";
  });
}

BOOST_AUTO_TEST_CASE(bytes) {
  backend b;
  const auto bytes = [&](weight_kind kind) { return packed_case<backend>(b, kind, 64, 128).matrix.bytes(); };
  BOOST_TEST(bytes(weight_kind::f32) == 4 * 64 * 128);
  BOOST_TEST(bytes(weight_kind::bf16) == 2 * 64 * 128);
  BOOST_TEST(bytes(weight_kind::int8) == 64 * 128 + 4 * 64);
}
