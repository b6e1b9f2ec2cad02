#include "test.hpp"

#include "supra/io/unicode.hpp"
#include "supra/io/utf8.hpp"

using namespace supra;

namespace {
std::string category(char32_t c) {
  for (std::size_t i = 0; i * 3 < io::category_names.size(); ++i)
    if (io::category_of(c) == io::categories{1} << i) return std::string(io::category_names.substr(i * 3, 2));
  return "none, or several";
}
}  // namespace

BOOST_AUTO_TEST_CASE(categories_are_those_of_the_standard) {
  for (auto [c, name] : std::initializer_list<std::pair<char32_t, const char*>>{
           {'A', "Lu"},      {'a', "Ll"},    {0x1C5, "Lt"},    {0x2B0, "Lm"},    {0x5D0, "Lo"},     {0x301, "Mn"},
           {0x903, "Mc"},    {0x20DD, "Me"}, {'7', "Nd"},      {0x2168, "Nl"},   {0xBD, "No"},      {'_', "Pc"},
           {'-', "Pd"},      {'(', "Ps"},    {')', "Pe"},      {0x201C, "Pi"},   {0x201D, "Pf"},    {'!', "Po"},
           {'+', "Sm"},      {'$', "Sc"},    {'^', "Sk"},      {0xA6, "So"},     {' ', "Zs"},       {0x2028, "Zl"},
           {0x2029, "Zp"},   {'\n', "Cc"},   {0xAD, "Cf"},     {0xD800, "Cs"},   {0xE000, "Co"},    {0x378, "Cn"},
           {0x4E00, "Lo"},   {0x9FFF, "Lo"}, {0x1F642, "So"},  {0x10FFFF, "Cn"}, {io::stray_byte, "Cn"}})
    BOOST_TEST(category(c) == name);
  BOOST_TEST(io::categories_named("L") ==
             (io::categories_named("Lu") | io::categories_named("Ll") | io::categories_named("Lt") |
              io::categories_named("Lm") | io::categories_named("Lo")));
  BOOST_TEST((io::categories_named("") == 0 && io::categories_named("Letter") == 0 && io::categories_named(" ") == 0));
}

BOOST_AUTO_TEST_CASE(white_space_is_25_characters) {
  int count = 0;
  for (char32_t c = 0; c < 0x110000; ++c) count += io::is_white_space(c);
  BOOST_TEST(count == 25);
  for (char32_t c : {0x9, 0x20, 0x85, 0xA0, 0x1680, 0x2003, 0x202F, 0x3000}) BOOST_TEST(io::is_white_space(c));
  for (char32_t c : {0x1C, 0x180E, 0x200B, 0xFEFF}) BOOST_TEST(!io::is_white_space(c));
}

BOOST_AUTO_TEST_CASE(words_are_of_letters_marks_digits_and_what_joins_them) {
  for (char32_t c : {0x41, 0x30, 0x5F, 0x301, 0x203F, 0x2168, 0x24B6, 0x4E00, 0x200D}) BOOST_TEST(io::is_word(c));
  for (char32_t c : {0x20, 0x2D, 0xBD, 0x1F642, 0x2028}) BOOST_TEST(!io::is_word(c));
}

BOOST_AUTO_TEST_CASE(parts_compose_again_unless_excluded) {
  BOOST_TEST(io::decomposition_of('a') == nullptr);
  const auto* e = io::decomposition_of(0xE9);
  BOOST_TEST((e && e->first == 'e' && e->second == 0x301 && io::composition_of('e', 0x301) == 0xE9));
  BOOST_TEST((io::decomposition_of(0x958)->first == 0x915 && io::composition_of(0x915, 0x93C) == 0));
  BOOST_TEST((io::decomposition_of(0x212B)->second == 0 && io::combining_class(0x301) == 230 && io::combining_class('a') == 0));
}
