#include "test.hpp"

#include "gguf_bytes.hpp"
#include "supra/io/gguf.hpp"

using namespace supra;
using io::gguf_type;
using supra_test::as_bytes;
using supra_test::gguf_bytes;
using supra_test::says;

namespace {

void refused(const std::string& bytes, const std::string& part) {
  BOOST_CHECK_EXCEPTION(io::gguf_file(as_bytes(bytes), "f"), io::error, says(part));
}
gguf_bytes two() {
  gguf_bytes made;
  made.tensor("a", {3, 2}, gguf_type::f32, std::string(24, 'a'));
  return made.tensor("b", {64, 1, 2}, gguf_type::q8_0, std::string(4 * 34, 'b'));
}

}  // namespace

BOOST_AUTO_TEST_CASE(tensors_lie_where_the_file_says) {
  for (std::uint32_t version : {2u, 3u}) {
    gguf_bytes made = two();
    made.version = version;
    const std::string bytes = made.bytes();
    const io::gguf_file file(as_bytes(bytes), "f");
    BOOST_TEST(file.tensors().size() == 2u);
    const auto &a = file.at("a"), &b = file.at("b");
    BOOST_TEST((a.shape == std::vector<std::int64_t>{2, 3} && a.rows == 2 && a.columns == 3 && a.elements() == 6));
    BOOST_TEST((b.shape == std::vector<std::int64_t>{2, 1, 64} && b.rows == 2 && b.row_bytes() == 68));
    BOOST_TEST((b.begin == 32u && b.end == 32u + 136));
    BOOST_TEST(static_cast<char>(*file.row(a, 1)) == 'a');
    BOOST_TEST(static_cast<char>(*file.row(b, 0)) == 'b');
    BOOST_TEST(reinterpret_cast<const char*>(file.row(b, 2)) == bytes.data() + bytes.size());
    BOOST_TEST((file.has("a") && !file.has("c")));
    BOOST_CHECK_EXCEPTION(file.at("c"), io::error, says("no tensor named \"c\""));
  }
}

BOOST_AUTO_TEST_CASE(the_end_may_be_padded_and_no_more) {
  const std::string bytes = two().bytes();  // ends 8 bytes after a multiple of 32
  io::gguf_file(as_bytes(bytes + std::string(24, '\0')), "f");
  refused(bytes + std::string(25, '\0'), "25 bytes follow the last tensor");
  refused(bytes.substr(0, bytes.size() - 1), "tensor \"b\" of shape (2, 1, 64) and type Q8_0 lies at bytes 32 to 168 of 167");
}

BOOST_AUTO_TEST_CASE(the_alignment_is_the_files_own) {
  for (std::uint32_t n : {8u, 64u, 1024u}) {
    gguf_bytes made;
    made.alignment = n;
    made.integer("general.alignment", n).tensor("a", {1}, gguf_type::f32, "abcd").tensor("b", {1}, gguf_type::f32, "efgh");
    const std::string bytes = made.bytes();
    const io::gguf_file file(as_bytes(bytes), "f");
    BOOST_TEST(static_cast<char>(*file.row(file.at("b"), 0)) == 'e');
  }
  for (std::uint32_t n : {0u, 1u, 4u, 24u, 33u, 1u << 31})
    refused(gguf_bytes().integer("general.alignment", n).bytes(),
            "must be a power of two from 8 on, found " + std::to_string(n));
}

BOOST_AUTO_TEST_CASE(headers_that_cannot_be_are_refused) {
  const std::string good = two().bytes();
  refused("GGML" + good.substr(4), "starts with the letters GGUF");
  refused("", "the word GGUF of 4 bytes was expected");
  for (std::uint32_t version : {1u, 4u}) {
    gguf_bytes made = two();
    made.version = version;
    refused(made.bytes(), "GGUF version " + std::to_string(version) + " is not supported, 2 and 3 are");
  }
  gguf_bytes big = two();
  big.version = 0x03000000;
  refused(big.bytes(), "big-endian");
  const std::size_t header = good.size() - 32 - 136;
  for (std::size_t n = 0; n < header - 32; ++n) refused(good.substr(0, n), "expected");
}

BOOST_AUTO_TEST_CASE(tensors_that_cannot_be_are_refused) {
  auto one = [](std::vector<std::uint64_t> lengths, std::uint32_t type, std::uint64_t place) {
    return gguf_bytes().info("t", lengths, type, place).data(std::string(64, '\0')).bytes();
  };
  refused(one({}, 0, 0), "must have 1 to 4 lengths, found 0");
  refused(one({1, 1, 1, 1, 1}, 0, 0), "must have 1 to 4 lengths, found 5");
  refused(one({4, 0}, 0, 0), "cannot have a length of 0");
  refused(one({std::uint64_t{1} << 63}, 0, 0), "cannot have a length of 9223372036854775808");
  refused(one({std::uint64_t{1} << 40, std::uint64_t{1} << 40}, 0, 0),
          "cannot have a length of 1099511627776 after the others");
  refused(one({std::uint64_t{1} << 50}, 0, 0), "lies at bytes 0 to 4503599627370496 of 64");
  refused(one({17}, 0, 0), "of shape (17) and type F32 lies at bytes 0 to 68 of 64");
  refused(one({16}, 0, 16), "starts at byte 16, which is not a multiple of the alignment 32");
  refused(one({8}, 0, 32 * (~std::uint64_t{0} / 32)), "which is past the end");
  refused(one({33}, 8, 0), "has rows of 33 elements, and Q8_0 stores blocks of 32");
  refused(one({16}, 10, 0),
          "tensor \"t\" is Q2_K (10), which is not supported; F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, "
          "Q6_K, BF16 are");
  refused(one({16}, 4, 0), "is Q4_2 (4), which is not supported");
  refused(one({16}, 40, 0), "is of a type unknown here (40)");
  refused(one({16}, ~0u, 0), "is of a type unknown here (4294967295)");
  refused(one({8}, 0, 32), "starts at byte 32 and leaves a hole after the one that ends at 0");
  auto pair = [](std::uint64_t second, const std::string& name = "u") {
    return gguf_bytes().info("t", {9}, 0, 0).info(name, {8}, 0, second).data(std::string(160, '\0')).bytes();
  };
  refused(pair(32), "\"u\" starts at byte 32 and overlaps the one that ends at 36");
  refused(pair(0), "and overlaps the one");
  refused(pair(96), "\"u\" starts at byte 96 and leaves a hole after the one that ends at 36");
  refused(pair(64, "t"), "tensor \"t\" is there twice");
  refused(pair(64), "64 bytes follow the last tensor");
}

BOOST_AUTO_TEST_CASE(types_are_known_by_name_and_number) {
  for (auto [type, name] : {std::pair{gguf_type::f32, "F32"},
                            {gguf_type::f16, "F16"},
                            {gguf_type::q4_0, "Q4_0"},
                            {gguf_type::q4_1, "Q4_1"},
                            {gguf_type::q5_0, "Q5_0"},
                            {gguf_type::q5_1, "Q5_1"},
                            {gguf_type::q8_0, "Q8_0"},
                            {gguf_type::q4_k, "Q4_K"},
                            {gguf_type::q5_k, "Q5_K"},
                            {gguf_type::q6_k, "Q6_K"},
                            {gguf_type::bf16, "BF16"}}) {
    BOOST_TEST(io::info(type).name == name);
    BOOST_TEST(io::info(type).elements > 0);
  }
  BOOST_TEST(io::gguf_type_text(39) == "MXFP4 (39)");
}

BOOST_AUTO_TEST_CASE(only_files_are_read) {
  const supra_test::temporary_folder folder;
  BOOST_CHECK_EXCEPTION(io::gguf_file(folder / "missing.gguf"), io::error, says("cannot open"));
}
