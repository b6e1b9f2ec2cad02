#include "test.hpp"

#include "supra/io/safetensors_header.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::safetensors_bytes;
using supra_test::says;

BOOST_AUTO_TEST_CASE(a_good_header) {
  const std::string file = safetensors_bytes(
      R"({"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},)"
      R"("y":{"data_offsets":[0,4],"shape":[],"dtype":"I32"},"z":{"dtype":"F16","shape":[3,0],"data_offsets":[4,4]}}  )",
      std::string(12, '\1'));
  const auto h = io::parse_safetensors(supra_test::as_bytes(file), "f");
  BOOST_TEST(h.metadata.at("a") == "b");
  BOOST_TEST(h.tensors.size() == 3u);
  BOOST_TEST(h.tensors.at("x").elements() == 2);
  BOOST_TEST(h.tensors.at("y").elements() == 1);
  BOOST_TEST(h.tensors.at("z").elements() == 0);
}

BOOST_AUTO_TEST_CASE(no_tensors_at_all) {
  BOOST_TEST(io::parse_safetensors(supra_test::as_bytes(safetensors_bytes("{}")), "f").tensors.empty());
}

BOOST_AUTO_TEST_CASE(bad_headers_are_refused_with_a_reason) {
  struct bad { const char* header; std::size_t data; const char* why; };
  const bad list[] = {
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
       6, "overlaps"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       4, "overlaps"},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"y":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}})",
       8, "overlaps"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
       12, "hole"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, "hole"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 3, "of 3 bytes of data"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "lies at bytes 4 to 0"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}})", 4, "of 4 bytes of data"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551616]}})", 4, "found the number"},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "cannot have 4 bytes"},
      {R"({"x":{"dtype":"F64","shape":[1],"data_offsets":[0,4]}})", 4, "cannot have 4 bytes"},
      {R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "cannot have 0 bytes"},
      {R"({"x":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", 4, "cannot have 4 bytes"},
      {R"({"x":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}})", 4, "too large"},
      {R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "negative"},
      {R"({"x":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, "found the number"},
      {R"({"x":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4, "found an array"},
      {R"({"x":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "expected an array of lengths"},
      {R"({"x":{"dtype":"F32","shape":null,"data_offsets":[0,4]}})", 4, "found null"},
      {R"({"x":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}})", 4, "found true or false"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 4, "two numbers"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4]}})", 4, "two numbers"},
      {R"({"x":{"dtype":"F32","shape":[1]}})", 0, "must all be there"},
      {R"({"x":{}})", 0, "must all be there"},
      {R"({"x":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", 4, "is not known"},
      {R"({"x":{"dtype":5,"shape":[1],"data_offsets":[0,4]}})", 4, "expected the dtype's name"},
      {R"({"x":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "twice"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}})", 4, "none of dtype"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8, "twice"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0078":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8, "twice"},
      {R"({"__metadata__":{"a":"b"},"__metadata__":{"c":"d"}})", 0, "twice"},
      {R"({"__metadata__":{"a":"b","a":"c"}})", 0, "twice"},
      {R"({"__metadata__":{"a":1}})", 0, "metadata holds nothing else"},
      {R"({"__metadata__":{"a":{"b":"c"}}})", 0, "metadata holds nothing else"},
      {R"({"__metadata__":"a"})", 0, "expected an object of strings"},
      {R"({"x":5})", 0, "expected an object with dtype"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5, "follow the last tensor"},
      {R"({})", 1, "follow the last tensor"},
      {R"({"x":)", 0, "not valid JSON"},
      {R"({} {})", 0, "not valid JSON"},
      {"{\"\xff\":{}}", 0, "not valid JSON"},
      {R"([])", 0, "starts with {"},
      {R"( {})", 0, "starts with {"},
      {"", 0, "starts with {"}};
  for (auto& b : list) {
    BOOST_TEST_CONTEXT(b.header)
    BOOST_CHECK_EXCEPTION(
        io::parse_safetensors(supra_test::as_bytes(safetensors_bytes(b.header, std::string(b.data, 'd'))), "f"), io::error,
        says(b.why));
  }
}

BOOST_AUTO_TEST_CASE(a_length_that_lies_is_refused) {
  auto refused = [](std::uint64_t length, std::size_t rest, const char* why) {
    std::string file;
    supra_test::put(file, length);
    file += "{}" + std::string(rest, ' ');
    BOOST_CHECK_EXCEPTION(io::parse_safetensors(supra_test::as_bytes(file), "f"), io::error, says(why));
  };
  refused(3, 0, "has 2 after it");
  refused(100'000'001, 0, "at most 100,000,000");
  refused(~std::uint64_t{0}, 0, "at most 100,000,000");
  BOOST_CHECK_EXCEPTION(io::parse_safetensors(supra_test::as_bytes("{}"), "f"), io::error, says("8 bytes"));
  BOOST_CHECK_EXCEPTION(io::parse_safetensors({}, "f"), io::error, says("8 bytes"));
}
