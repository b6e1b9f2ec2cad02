#include "test.hpp"

#include "supra/io/safetensors_folder.hpp"
#include "supra/io/safetensors_out.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {

struct shards : supra_test::temporary_folder {
  shards(const std::string& map) {
    const std::vector<float> one = {1}, two = {2, 3};
    io::write_safetensors(path / "s1.safetensors", {{"a", io::dtype::f32, {1}, std::as_bytes(std::span(one))}});
    io::write_safetensors(path / "s2.safetensors", {{"b", io::dtype::f32, {2}, std::as_bytes(std::span(two))}});
    io::write_file(path / "model.safetensors.index.json", "{\"metadata\":{},\"weight_map\":" + map + "}");
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(shards_are_one_set_of_tensors) {
  const shards s(R"({"a":"s1.safetensors","b":"s2.safetensors"})");
  const io::safetensors_folder f(s.path);
  float b[2];
  f.read("b", std::span<float>(b));
  BOOST_TEST(b[1] == 3.f);
  BOOST_TEST(f.count() == 2u);
  BOOST_TEST(f.elements() == 3);
  BOOST_CHECK_EXCEPTION(f.shape("c"), io::error, says("no tensor named"));
}

BOOST_AUTO_TEST_CASE(an_index_that_lies_is_refused) {
  for (auto [map, why] : {std::pair{R"({"a":"s1.safetensors"})", ""},
                          {R"({"a":"s1.safetensors","b":"s1.safetensors"})", "\"b\" is not in"},
                          {R"({"a":"s1.safetensors","b":"s2.safetensors","c":"s2.safetensors"})", "\"c\" is not in"},
                          {R"({"a":"s1.safetensors","b":"s3.safetensors"})", "\"s3.safetensors\" that it names is missing"},
                          {R"({"a":"s1.safetensors","b":"../s2.safetensors"})", "not the name of a file in this folder"},
                          {R"({"a":"s1.safetensors","a":"s2.safetensors"})", "twice"}, {R"({"a":1})", "must name a file"},
                          {R"([])", "expected a JSON object"}}) {
    const shards s(map);
    BOOST_TEST_CONTEXT(map)
    if (*why) BOOST_CHECK_EXCEPTION(io::safetensors_folder(s.path), io::error, says(why));
    else
      BOOST_TEST(io::safetensors_folder(s.path).count() == 1u);  // a shard that the map does not name is not opened
  }
}

BOOST_AUTO_TEST_CASE(tensors_beyond_the_map_and_empty_folders_are_refused) {
  const shards s(R"({"a":"s1.safetensors"})");
  const std::vector<float> two = {2, 3};
  io::write_safetensors(s / "s1.safetensors",
                        {{"a", io::dtype::f32, {1}, std::as_bytes(std::span(two).first(1))},
                         {"z", io::dtype::f32, {1}, std::as_bytes(std::span(two).first(1))}},
                        {}, io::existing::overwrite);
  BOOST_CHECK_EXCEPTION(io::safetensors_folder(s.path), io::error, says("not in the weight_map"));
  const supra_test::temporary_folder empty;
  BOOST_CHECK_EXCEPTION(io::safetensors_folder(empty.path), io::error, says("neither model.safetensors"));
  io::write_file(empty / "pytorch_model.bin", "");
  BOOST_CHECK_EXCEPTION(io::safetensors_folder(empty.path), io::error, says("convert it to safetensors"));
}
