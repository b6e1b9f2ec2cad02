#include "test.hpp"

#include "supra/io/token_decoder.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

namespace {
io::token_decoder decoder(const std::string& part) {
  const io::json j = io::json::parse(part);
  return io::token_decoder(io::fields(j, "f"));
}
}  // namespace

BOOST_AUTO_TEST_CASE(bytes) {
  const auto d = decoder(R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true})");
  BOOST_TEST(d("\u0120a\u010A", true) == " a\n");
  BOOST_TEST(d("a b", true) == "a b");               // another alphabet's stay
}

BOOST_AUTO_TEST_CASE(the_chain_of_llama) {
  const auto d = decoder(R"({"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\u2581"},"content":" "},
                            {"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]})");
  BOOST_TEST(d("\u2581\u2581" "a", true) == " a");
  BOOST_TEST(d("\u2581" "a", false) == " a");
  BOOST_TEST(d("<0xE2>", true) == "\xE2");
}

BOOST_AUTO_TEST_CASE(marks_of_spaces) {
  const auto d = decoder(R"({"type":"Metaspace","replacement":"_","prepend_scheme":"first"})");
  BOOST_TEST(d("__a_b", false) == "  a b");
  BOOST_TEST(d("_a", true) == "a");
  BOOST_TEST(decoder(R"({"type":"Metaspace","replacement":"_","prepend_scheme":"never"})")("_a", true) == " a");
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  for (auto [part, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"type":"WordPiece"})", "\"WordPiece\" is not supported"},
           {R"({"type":"Strip","content":" ","start":1,"stop":0})", "after a Fuse"},
           {R"({"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Strip","content":" ","start":0,"stop":1}]})", "start"},
           {R"({"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"ByteFallback"}]})", "\"ByteFallback\""},
           {R"({"type":"ByteFallback","x":1})", "\"x\" is not supported"}})
    BOOST_CHECK_EXCEPTION(decoder(part), io::error, says(why));
}
