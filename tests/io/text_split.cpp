#include "test.hpp"

#include "supra/io/text_split.hpp"
#include "temporary.hpp"

using namespace supra;

namespace {
std::string cut(const std::string& behavior, bool invert, const std::string& text) {
  const io::text_split split{io::regex_parser("-", "f").parse(), io::split_behavior_named(behavior, "f"), invert};
  std::string all;
  split(text, [&](std::size_t start, std::size_t end) { all += text.substr(start, end - start) + "|"; });
  return all;
}
}  // namespace

BOOST_AUTO_TEST_CASE(behaviors) {  // as the documentation of Hugging Face's Split shows them
  const std::string text = "the-final--countdown";
  BOOST_TEST(cut("Removed", false, text) == "the|final|countdown|");
  BOOST_TEST(cut("Isolated", false, text) == "the|-|final|-|-|countdown|");
  BOOST_TEST(cut("MergedWithPrevious", false, text) == "the-|final-|-|countdown|");
  BOOST_TEST(cut("MergedWithNext", false, text) == "the|-final|-|-countdown|");
  BOOST_TEST(cut("Contiguous", false, text) == "the|-|final|--|countdown|");
  BOOST_TEST(cut("Removed", true, text) == "-|-|-|");
  BOOST_TEST(cut("MergedWithNext", true, text) == "the-|final-|-|countdown|");
  BOOST_TEST(cut("MergedWithPrevious", false, "--a-") == "-|-|a-|");
  BOOST_TEST(cut("MergedWithNext", false, "--a-") == "-|-a|-|");
  BOOST_TEST(cut("Isolated", false, "") == "");
  BOOST_CHECK_EXCEPTION(cut("Doubled", false, ""), io::error, supra_test::says("\"Doubled\" is not supported"));
}
