#include "test.hpp"

#include "supra/io/safetensors.hpp"
#include "supra/io/safetensors_out.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

BOOST_AUTO_TEST_CASE(values_of_every_float_type) {
  const std::string file = supra_test::safetensors_bytes(
      R"({"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"f":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
      R"("h":{"dtype":"F16","shape":[2],"data_offsets":[12,16]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[16,18]}})",
      [] {
        std::string data;
        supra_test::put(data, 0.1), supra_test::put(data, 0.25f);
        supra_test::put(data, std::uint16_t{0x3c00}), supra_test::put(data, std::uint16_t{0xc000});
        supra_test::put(data, std::uint16_t{0x3fc0});
        return data;
      }());
  const io::safetensors_file f(supra_test::as_bytes(file), "f");
  BOOST_TEST(f.read<double>("d").at(0) == 0.1);
  BOOST_TEST(f.read<float>("d").at(0) == 0.1f);
  BOOST_TEST(f.read<double>("f").at(0) == 0.25);
  BOOST_TEST(f.read<float>("h") == (std::vector{1.f, -2.f}), boost::test_tools::per_element());
  BOOST_TEST(f.read<float>("b").at(0) == 1.5f);
  float second = 0;
  f.read_part("h", 1, std::span(&second, 1));
  BOOST_TEST(second == -2.f);
  BOOST_CHECK_EXCEPTION(f.read_part("h", 2, std::span(&second, 1)), io::error, says("from 2 on"));
  BOOST_CHECK_EXCEPTION(f.read("h", std::span(&second, 1)), io::error, says("room was given for 1"));
  BOOST_CHECK_EXCEPTION(f.read<float>("no"), io::error, says("no tensor named"));
  BOOST_CHECK_EXCEPTION(f.read<std::int64_t>("f"), io::error, says("an integer type was expected"));
}

BOOST_AUTO_TEST_CASE(golden_files_are_read) {
  const io::safetensors_file f(supra_test::golden_dir() + "/supra_gqa_decay.safetensors");
  BOOST_TEST(f.metadata().count("config") == 1u);
  BOOST_TEST(f.shape("logits").size() == 3u);
  BOOST_TEST(f.read<double>("loss").size() == 1u);
  const auto ids = f.read<std::int64_t>("input_ids");
  BOOST_TEST(static_cast<std::int64_t>(ids.size()) == f.shape("input_ids")[0] * f.shape("input_ids")[1]);
  for (auto id : ids) BOOST_TEST((id >= 0 && id < f.shape("logits")[2]));
  BOOST_CHECK_THROW(f.read<float>("input_ids"), io::error);
}
