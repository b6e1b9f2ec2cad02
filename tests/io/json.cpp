#include "test.hpp"

#include "supra/io/json.hpp"
#include "temporary.hpp"

using namespace supra;
using supra_test::says;

BOOST_AUTO_TEST_CASE(json_is_read_strictly) {
  BOOST_TEST(io::parse_json(R"({"a":{"b":1},"c":{"b":2}})", "f")["c"]["b"] == 2);
  BOOST_CHECK_EXCEPTION(io::parse_json(R"({"a":1,"a":2})", "f"), io::error, says("\"a\" is there twice"));
  BOOST_CHECK_EXCEPTION(io::parse_json(R"([{"x":{"a":1,"b":2,"a":3}}])", "f"), io::error, says("twice"));
  BOOST_CHECK_EXCEPTION(io::parse_json("{", "f"), io::error, says("not valid JSON"));
  BOOST_CHECK_EXCEPTION(io::parse_json("{} x", "f"), io::error, says("not valid JSON"));
  BOOST_CHECK_EXCEPTION(io::parse_json("", "f"), io::error, says("not valid JSON"));
  BOOST_CHECK_EXCEPTION(io::parse_json(std::string(100'000, '['), "f"), io::error, says("64 deep"));
}

BOOST_AUTO_TEST_CASE(fields_say_what_they_must_be) {
  const auto j = io::parse_json(R"({"n":3,"x":1.5,"t":"a","f":true,"none":null,"big":18446744073709551615,"o":{}})", "f");
  const io::fields f(j, "f");
  BOOST_TEST(f.integer("n") == 3);
  BOOST_TEST(f.integer("none", 7) == 7);
  BOOST_TEST(f.number("n", 0) == 3.0);
  BOOST_TEST(f.number("x", 0) == 1.5);
  BOOST_TEST(f.text("t", "") == "a");
  BOOST_TEST(f.flag("f", false));
  BOOST_TEST(f.either({"missing", "n", "x"}) == "n");
  BOOST_CHECK_EXCEPTION(f.integer("x"), io::error, says("must be an integer"));
  BOOST_CHECK_EXCEPTION(f.integer("big"), io::error, says("must be an integer"));
  BOOST_CHECK_EXCEPTION(f.integer("missing"), io::error, says("is missing"));
  BOOST_CHECK_EXCEPTION(f.number("t", 0), io::error, says("must be a finite number"));
  BOOST_CHECK_EXCEPTION(f.flag("n", false), io::error, says("true or false"));
  BOOST_CHECK_EXCEPTION(f.text("n", ""), io::error, says("must be a string"));
  BOOST_CHECK_EXCEPTION(f.object("n"), io::error, says("expected a JSON object"));
}
