#include "test.hpp"

#include "supra/io/error.hpp"
#include "temporary.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(names_out_of_files_are_printed_safely) {
  BOOST_TEST(io::in_quotes("a\n\xff") == "\"a\\x0a\\xff\"");
  BOOST_TEST(io::in_quotes(std::string(500, 'x')).size() == 125u);
  BOOST_TEST(io::shape_text({}) == "()");
  BOOST_TEST(io::shape_text({1, 2}) == "(1, 2)");
  BOOST_TEST(io::list_text({"a", "b", "c", "d", "e", "f"}) == "\"a\", \"b\", \"c\", \"d\" and 2 more");
  BOOST_CHECK_EXCEPTION(io::fail("file ", 3, ": ", 0.5), io::error, supra_test::says("file 3: 0.5"));
}
