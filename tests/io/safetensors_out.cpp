#include "test.hpp"

#include "supra/io/safetensors.hpp"
#include "supra/io/safetensors_out.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  const supra_test::temporary_folder folder;
  const std::vector<std::int64_t> ids = {1, -2, 3};
  const std::vector<std::uint8_t> bytes = {7};
  const std::vector<float> x = {0.5f, -1.25f};
  io::write_safetensors(folder / "f", {{"bytes", io::dtype::u8, {1}, std::as_bytes(std::span(bytes))},
                                       {"x", io::dtype::f32, {1, 2}, std::as_bytes(std::span(x))},
                                       {"none", io::dtype::f64, {4, 0}, {}},
                                       {"ids", io::dtype::i64, {3}, std::as_bytes(std::span(ids))}},
                        {{"what", "a \"test\""}});
  const io::safetensors_file f(folder / "f");
  BOOST_TEST(f.read<std::int64_t>("ids") == ids, boost::test_tools::per_element());
  BOOST_TEST(f.read<float>("x") == x, boost::test_tools::per_element());
  BOOST_TEST(f.read<std::int64_t>("bytes").at(0) == 7);
  BOOST_TEST(f.read<double>("none").empty());
  BOOST_TEST(f.metadata().at("what") == "a \"test\"");
  for (auto name : {"ids", "x"}) BOOST_TEST(f.at(name).begin % 4 == 0u);
}

BOOST_AUTO_TEST_CASE(values_are_converted_on_the_way) {
  const supra_test::temporary_folder folder;
  std::vector<double> values(200'000);               // more than one piece
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) / 3;
  io::safetensors_writer out(folder / "f", {{"half", io::dtype::bf16, {200, 1000}}, {"same", io::dtype::f64, {200'000}}});
  out.write(std::span<const double>(values));
  out.write(std::span<const double>(values));
  out.commit();
  const io::safetensors_file f(folder / "f");
  BOOST_TEST((f.read<double>("same") == values));
  const auto half = f.read<float>("half");
  for (std::size_t i = 0; i < values.size(); ++i) BOOST_REQUIRE(std::abs(half[i] - values[i]) <= values[i] / 256);
}

BOOST_AUTO_TEST_CASE(what_was_not_announced_is_refused) {
  const supra_test::temporary_folder folder;
  const std::vector<float> x = {1, 2};
  const std::span<const float> values(x);
  {
    io::safetensors_writer out(folder / "f", {{"x", io::dtype::f32, {3}}});
    BOOST_CHECK_EXCEPTION(out.write(values), io::error, says("announced with 3 elements"));
  }
  {
    io::safetensors_writer out(folder / "f", {{"x", io::dtype::f32, {2}}, {"y", io::dtype::f32, {2}}});
    out.write(values);
    BOOST_CHECK_EXCEPTION(out.commit(), io::error, says("2 tensors were announced, 1 written"));
    out.write(values);
    BOOST_CHECK_EXCEPTION(out.write(values), io::error, says("more tensors"));
  }
  BOOST_CHECK_EXCEPTION(io::safetensors_writer(folder / "f", {{"x", io::dtype::f32, {1}}, {"x", io::dtype::f32, {1}}}),
                        io::error, says("two tensors cannot have the name"));
  BOOST_TEST(folder.files() == 0u);
}
