#include "test.hpp"

#include "../../examples/supra/corpus.cpp"

#include <regex>
#include <set>
#include <sstream>

using namespace supra::program;

namespace {

std::size_t count_words(const std::string& text) {
  std::istringstream in(text);
  std::size_t n = 0;
  for (std::string word; in >> word;) ++n;
  return n;
}

// Notes every choice that a random story makes, and how many ways there were.
struct noted_choices : choices {
  random_choices random;
  std::vector<std::size_t> path, ways;
  explicit noted_choices(std::uint64_t& state) : random(state) {}
  std::size_t of(std::size_t n, std::string_view told) override {
    ways.push_back(n);
    path.push_back(random.of(n, told));
    return path.back();
  }
};

// Counts through all stories that begin with `fixed` choices, one story a call of next().
struct counted_choices : choices {
  std::vector<std::size_t> path, ways;
  std::size_t fixed, at = 0;
  counted_choices(const std::vector<std::size_t>& p, std::size_t f) : path(p.begin(), p.begin() + f), ways(f, 1), fixed(f) {}
  std::size_t of(std::size_t n, std::string_view) override {
    if (at == path.size()) path.push_back(0);
    ways.resize(std::max(ways.size(), path.size()));
    ways[at] = n;
    return path[at++];
  }
  bool next() {
    while (path.size() > fixed && path.back() + 1 == ways[path.size() - 1]) path.pop_back();
    at = 0;
    if (path.size() == fixed) return false;
    ++path.back();
    return true;
  }
  double probability() const {
    double p = 1;
    for (std::size_t i = fixed; i < path.size(); ++i) p /= static_cast<double>(ways[i]);
    return p;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_same_seed_tells_the_same_stories_everywhere) {
  const auto a = corpus(7, 20'000), b = corpus(7, 20'000), longer = corpus(7, 40'000);
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    BOOST_TEST(a[i].text == b[i].text);
    BOOST_TEST(a[i].nats == b[i].nats);
    BOOST_TEST(a[i].text == longer[i].text);
  }
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a: a change of the grammar is a change of this number
  for (const auto& s : a)
    for (const unsigned char c : s.text) hash = (hash ^ c) * 1099511628211u;
  BOOST_TEST(hash == 3386276043526434848u);
}

BOOST_AUTO_TEST_CASE(a_corpus_has_the_bytes_asked_for_and_no_more_than_one_story_too_many) {
  BOOST_TEST(corpus(1, 0).empty());
  const auto stories = corpus(1, 50'000);
  std::size_t bytes = 0;
  for (const auto& s : stories) bytes += s.text.size();
  BOOST_TEST(bytes >= 50'000u);
  BOOST_TEST(bytes - stories.back().text.size() < 50'000u);
}

BOOST_AUTO_TEST_CASE(stories_are_ascii_60_to_200_words_and_all_different) {
  std::set<std::string> seen;
  for (std::uint64_t seed : {0, 1, 2, 3}) {
    for (const auto& s : corpus(seed, 1'000'000)) {
      BOOST_TEST(seen.insert(s.text).second, s.text);
      const std::size_t n = count_words(s.text);
      if (n < 60 || n > 200) BOOST_ERROR("a story of " << n << " words: " << s.text);
      const bool ascii = std::all_of(s.text.begin(), s.text.end(), [](char c) { return c >= ' ' && c <= '~'; });
      if (!ascii) BOOST_ERROR("not ASCII: " << s.text);
      const bool told = s.text.find_first_of("[]{}|#%") == s.text.npos && s.text.find("  ") == s.text.npos;
      if (!told) BOOST_ERROR("not told out: " << s.text);
    }
  }
  BOOST_TEST(seen.size() > 5000u);
}

BOOST_AUTO_TEST_CASE(nats_are_those_of_the_text_over_all_ways_to_tell_it) {
  std::uint64_t state = 11;
  for (int i = 0; i < 60; ++i) {
    const story s = make_story(state);
    BOOST_TEST(nats_of(s.text) == s.nats, boost::test_tools::tolerance(1e-12));
  }
  BOOST_TEST(std::isinf(nats_of("Once upon a time, nobody lived anywhere.")));
  BOOST_TEST(std::isinf(nats_of("")));
}

// From where few stories are left: their probabilities sum to one and their texts differ.
BOOST_AUTO_TEST_CASE(probabilities_of_all_stories_with_one_beginning_sum_to_one) {
  std::uint64_t state = 5;
  int checked = 0;
  for (int i = 0; i < 30; ++i) {
    noted_choices note(state);
    tell(note);
    std::size_t left = 1, fixed = note.path.size();
    while (fixed > 0 && left * note.ways[fixed - 1] <= 500) left *= note.ways[--fixed];
    counted_choices count(note.path, fixed);
    std::set<std::string> texts;
    std::size_t stories = 0;
    double sum = 0;
    do {
      texts.insert(tell(count));
      sum += count.probability();
      ++stories;
    } while (count.next() && stories < 100'000);
    if (stories == 100'000) continue;  // other choices here lead to many more stories
    BOOST_TEST(stories > 1u);
    ++checked;
    BOOST_TEST(texts.size() == stories);
    BOOST_TEST(sum == 1.0, boost::test_tools::tolerance(1e-9));
  }
  BOOST_TEST(checked > 10);
}

BOOST_AUTO_TEST_CASE(every_text_ends_with_a_sentence_that_occurs_nowhere_before) {
  for (const auto& s : corpus(3, 200'000)) {
    const std::size_t at = s.text.find("\"Good night, ");
    BOOST_TEST_REQUIRE(at != s.text.npos);
    BOOST_TEST(std::regex_match(s.text.substr(at), std::regex("\"Good night, [A-Z][a-z]+,\" said [A-Z][a-z]+\\.")));
  }
}

// $1, $2, $3 of `told` are what `asked` caught; counts how often `asked` occurs.
int check_recalls(const std::string& asked, const std::string& told) {
  int n = 0;
  const std::regex question(asked);
  for (const auto& s : corpus(4, 600'000)) {
    for (std::sregex_iterator it(s.text.begin(), s.text.end(), question), end; it != end; ++it, ++n)
      BOOST_TEST(std::regex_search(s.text, std::regex(it->format(told))), s.text);
  }
  return n;
}

BOOST_AUTO_TEST_CASE(what_is_asked_for_at_the_end_is_what_was_told) {
  BOOST_TEST(check_recalls(R"(Where is the (\w+ \w+)\?" asked \w+\. "It is ([^,]+)," said (\w+))",
                           R"(($3 (hid a|put his|put her) $1 $2|A $1 was hidden $2 by $3)\.)") > 100);
  BOOST_TEST(check_recalls(R"((?:Whose) is the (\w+ \w+)\?" asked [\w ]+\. "It is mine," said (\w+))",
                           R"(($2 got a $1\.|a $1 for $2\.|The $1 is for you, $2,))") > 100);
  BOOST_TEST(check_recalls(R"(you get, (\w+)\?" asked \w+\. "A (\w+ \w+)," said)",
                           R"(($1 got a $2\.|a $2 for $1\.|The $2 is for you, $1,))") > 100);
  BOOST_TEST(check_recalls(R"("(\w+)!" called (\w+), and the (\w+ \w+) came back)",
                           R"(($2 brought a $3 named $1\.|$1, a $3, came with $2\.|$2 led $1, h\w+ $3, by))") > 100);
  BOOST_TEST(check_recalls(R"("Good night, (\w+)," said (\w+))", R"($2.*( named $1\.|, $1, was ))") > 500);
  BOOST_TEST(check_recalls(R"((?:home|went) to the ([^.]*)\. .*Good night)", R"((lived in|^In) a \w+ $1[. ])") > 500);
}

BOOST_AUTO_TEST_CASE(entropy_per_byte_is_the_mean_over_stories) {
  const double a = entropy_per_byte(1, 4000), b = entropy_per_byte(2, 4000);
  BOOST_TEST(a == b, boost::test_tools::tolerance(0.01));
  BOOST_TEST(a > 0.08);
  BOOST_TEST(a < 0.15);
  BOOST_TEST(entropy_per_byte(1, 0) == 0.0);
}

BOOST_AUTO_TEST_CASE(entropy_per_token_counts_a_token_before_each_story) {
  const std::vector<story> two = {{"abc", 6}, {"a", 3}};
  BOOST_TEST(entropy_per_token(two) == 1.5);
}
