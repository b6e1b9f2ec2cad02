#include "test.hpp"

#include "gguf_bytes.hpp"
#include "supra/io/gguf.hpp"

using namespace supra;
using io::gguf_kind;
using supra_test::as_bytes;
using supra_test::gguf_bytes;
using supra_test::put;
using supra_test::says;

namespace {

// The sentence with which these bytes are refused.
void refused(const std::string& bytes, const std::string& part) {
  BOOST_CHECK_EXCEPTION(io::gguf_file(as_bytes(bytes), "f"), io::error, says(part));
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_of_every_kind) {
  gguf_bytes made;
  made.key("u8", gguf_kind::u8, std::uint8_t{200}).key("i8", gguf_kind::i8, std::int8_t{-3});
  made.key("u16", gguf_kind::u16, std::uint16_t{65535}).key("i16", gguf_kind::i16, std::int16_t{-300});
  made.key("u32", gguf_kind::u32, 4294967295u).key("i32", gguf_kind::i32, -70000);
  made.key("u64", gguf_kind::u64, std::uint64_t{1} << 62).key("i64", gguf_kind::i64, std::int64_t{-1} << 62);
  made.number("f32", 1e-5f).key("f64", gguf_kind::f64, 1.0 / 3).flag("yes", true).flag("no", false).text("text", "a\xff");
  made.strings("words", {"", "bc", "d"}).array<std::int32_t>("numbers", gguf_kind::i32, {1, -2, 3});
  made.array<float>("scores", gguf_kind::f32, {0.5f, -0.1f}).strings("none", {});
  const std::string bytes = made.bytes();
  const io::gguf_file file(as_bytes(bytes), "f");
  const auto& m = file.metadata();
  BOOST_TEST(m.values().size() == 17u);
  BOOST_TEST(m.integer("u8") == 200);
  BOOST_TEST(m.integer("i8") == -3);
  BOOST_TEST(m.integer("u16") == 65535);
  BOOST_TEST(m.integer("i16") == -300);
  BOOST_TEST(m.integer("u32") == 4294967295);
  BOOST_TEST(m.integer("i32") == -70000);
  BOOST_TEST(m.integer("u64") == std::int64_t{1} << 62);
  BOOST_TEST(m.integer("i64") == std::int64_t{-1} << 62);
  BOOST_TEST(m.number("f32") == 1e-5);  // what was meant, not its nearest float
  BOOST_TEST(m.number("f64") == 1.0 / 3);
  BOOST_TEST(m.number("i8") == -3);
  BOOST_TEST((m.flag("yes") && !m.flag("no") && m.flag("missing", true)));
  BOOST_TEST(m.text("text") == "a\xff");
  BOOST_TEST((m.strings("words") == std::vector<std::string_view>{"", "bc", "d"}));
  BOOST_TEST((m.integers("numbers") == std::vector<std::int64_t>{1, -2, 3}));
  BOOST_TEST((m.numbers("scores") == std::vector<double>{0.5, static_cast<double>(-0.1f)}));
  BOOST_TEST((m.length("words") == 3u && m.length("none") == 0u && m.strings("none").empty()));
  BOOST_TEST((m.has("none") && !m.has("missing")));
  BOOST_TEST((m.text("missing", "x") == "x" && m.integer("missing", 7) == 7 && m.number("missing", 0.5) == 0.5));

  BOOST_CHECK_EXCEPTION(m.integer("missing"), io::error, says("the key \"missing\" is missing"));
  BOOST_CHECK_EXCEPTION(m.integer("text"), io::error, says("\"text\" must be an integer, found a STRING"));
  BOOST_CHECK_EXCEPTION(m.integer("f32", 1), io::error, says("must be an integer, found a F32"));
  BOOST_CHECK_EXCEPTION(m.integer("yes"), io::error, says("must be an integer, found a BOOL"));
  BOOST_CHECK_EXCEPTION(m.flag("u8"), io::error, says("must be a BOOL, found a U8"));
  BOOST_CHECK_EXCEPTION(m.text("words"), io::error, says("must be a string, found an array of 3 STRING"));
  BOOST_CHECK_EXCEPTION(m.strings("text"), io::error, says("must be an array of strings, found a STRING"));
  BOOST_CHECK_EXCEPTION(m.strings("numbers"), io::error, says("must be an array of strings, found an array of 3 I32"));
  BOOST_CHECK_EXCEPTION(m.integers("scores"), io::error, says("must be an array of integers, found an array of 2 F32"));
}

BOOST_AUTO_TEST_CASE(numbers_that_cannot_be_used_are_refused) {
  const std::string bytes = gguf_bytes()
                                .number("nan", std::numeric_limits<float>::quiet_NaN())
                                .key("large", gguf_kind::u64, ~std::uint64_t{0})
                                .bytes();
  const io::gguf_file file(as_bytes(bytes), "f");
  BOOST_CHECK_EXCEPTION(file.metadata().number("nan"), io::error, says("must be a finite number"));
  BOOST_CHECK_EXCEPTION(file.metadata().integer("large"), io::error, says("18446744073709551615 does not fit 63 bits"));
}

BOOST_AUTO_TEST_CASE(keys_that_cannot_be_are_refused) {
  refused(gguf_bytes().integer("a", 1).integer("a", 1).bytes(), "the key \"a\" is there twice");
  refused(gguf_bytes().integer("", 1).bytes(), "a key without a name");
  refused(gguf_bytes().raw("a", 13, "").bytes(), "the key \"a\": type 13 is not known");
  refused(gguf_bytes().raw("a", 7, "\x02").bytes(), "must be 0 or 1, found 2");
  std::string nested;
  put(nested, std::uint32_t{9}), put(nested, std::uint64_t{1}), put(nested, std::uint32_t{4}), put(nested, std::uint64_t{0});
  refused(gguf_bytes().raw("a", 9, nested).bytes(), "an array of arrays");
  for (auto [kind, count, part] : {std::tuple{4u, ~std::uint64_t{0}, "larger than any file"},
                                   {4u, std::uint64_t{1} << 40, "an array of 4398046511104 bytes was expected"},
                                   {0u, std::uint64_t{1} << 63, "an array of 9223372036854775808 bytes was expected"},
                                   {8u, ~std::uint64_t{0}, "a string of 8 bytes was expected, and the file has 0 more"}}) {
    std::string value;
    put(value, kind), put(value, count);
    gguf_bytes made;
    made.alignment = 1;
    refused(made.raw("a", 9, value).bytes(), part);
  }
}

BOOST_AUTO_TEST_CASE(a_file_may_end_nowhere_in_its_keys) {
  gguf_bytes made;
  made.alignment = 1;
  const std::string bytes = made.integer("a", 1).strings("b", {"cd", "e"}).text("f", "g").bytes();
  for (std::size_t n = 0; n < bytes.size(); ++n) refused(bytes.substr(0, n), "bytes was expected, and the file has");
  io::gguf_file(as_bytes(bytes), "f");
}
