#include "supra/evaluate/requests.hpp"

#include "supra/io/bytes_tokenizer.hpp"
#include "test.hpp"

using namespace supra::evaluate;
using ids = std::vector<std::int32_t>;

namespace {
encoded of(const request& r, std::int64_t max_length = 100) {
  return encode(supra::io::bytes_tokenizer(), {{0, {r}, {}}}, max_length, 256);
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_continuation_is_what_comes_after_as_many_tokens_as_the_context_has) {
  const auto e = of({"ab", " c"});
  BOOST_TEST((e.texts[0].ids == ids{'a', 'b', ' ', 'c'}));
  BOOST_TEST((e.texts[0].first == 2 && e.context[0] == 2 && e.continuation[0] == 2 && e.cut == 0));
}
BOOST_AUTO_TEST_CASE(space_at_the_contexts_end_is_the_continuations) {
  const auto e = of({"ab \n", "c"});
  BOOST_TEST((e.texts[0].ids == ids{'a', 'b', ' ', '\n', 'c'}));
  BOOST_TEST(e.texts[0].first == 2);
}
BOOST_AUTO_TEST_CASE(a_token_stands_where_there_is_no_context) {
  const auto e = of({" ", "c"});
  BOOST_TEST((e.texts[0].ids == ids{256, ' ', 'c'}));
  BOOST_TEST(e.texts[0].first == 1);
}
// The model reads all but the last token: max_length of them.
BOOST_AUTO_TEST_CASE(long_texts_lose_their_beginning) {
  const auto fits = of({"abcdef", "gh"}, 7), cut = of({"abcdef", "gh"}, 4);
  BOOST_TEST((fits.cut == 0 && fits.texts[0].ids.size() == 8u));
  BOOST_TEST((cut.cut == 1 && cut.texts[0].ids == ids{'d', 'e', 'f', 'g', 'h'} && cut.texts[0].first == 3));
  BOOST_TEST((cut.context[0] == 6 && cut.continuation[0] == 2));
  BOOST_TEST(of({"abcdef", "ghij"}, 4).texts[0].first == 1);
  const auto longer = of({"a", "bcdefg"}, 4);  // the continuation alone is longer
  BOOST_TEST((longer.cut == 1 && longer.texts[0].ids == ids{'c', 'd', 'e', 'f', 'g'} && longer.texts[0].first == 1));
}
