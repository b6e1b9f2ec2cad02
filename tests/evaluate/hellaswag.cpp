#include "supra/evaluate/hellaswag.hpp"

#include "../io/temporary.hpp"
#include "test.hpp"

using namespace supra::evaluate;

BOOST_AUTO_TEST_CASE(marks_go) {
  BOOST_TEST(without_marks(" [header] How to sew [title] Thread it. [step] Take  one [substeps] now ") ==
             " How to sew. Thread it. Take one now");
  BOOST_TEST(without_marks("a [ b") == "a [ b");
  BOOST_TEST(without_marks("a [b\n] c") == "a [b\n] c");
  BOOST_TEST(without_marks("[x [y] z]") == " z]");
}
BOOST_AUTO_TEST_CASE(a_fragment_gets_its_capital) {
  BOOST_TEST(with_capital("Roofs: A man sits. he") == "Roofs: A man sits. He");
  BOOST_TEST(with_capital("A: she says \"Go!\" the Dog") == "A: she says \"Go!\" The dog");
  for (const std::string same : {"A man sits. He", "no end", "An end.", "Twice.  he", "A. b. C"})
    BOOST_TEST(with_capital(same) == same);
}
BOOST_AUTO_TEST_CASE(six_lines_each) {
  const std::string text = "Sewing: It rips. she\n2\nfirst\nsecond one\n[step] third\nf\n", two = text + text;
  const auto all = hellaswag_lines(two, "file");
  BOOST_TEST_REQUIRE(all.size() == 2u);
  BOOST_TEST(all[1].gold == 2);
  BOOST_TEST(all[1].requests[1].context == "Sewing: It rips. She");
  BOOST_TEST(all[1].requests[1].continuation == " second one");
  BOOST_TEST(all[1].requests[2].continuation == "  third");
  BOOST_TEST((all[1].characters == std::vector<std::int64_t>{5, 10, 6, 1}));
  BOOST_CHECK_EXCEPTION(hellaswag_lines(two + "a\n", "the file"), supra::io::error, supra_test::says("the file: has 13 lines"));
  BOOST_CHECK_EXCEPTION(hellaswag_lines(text + "a\n4\nb\nc\nd\ne\n", "the file"), supra::io::error,
                        supra_test::says("the file, line 8: expected the right ending's number, 0 to 3, found \"4\""));
}
