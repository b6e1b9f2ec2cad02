// The grammar is data: sentences with [one|or another] and with {facts}, which are drawn when first told and kept from then on.
#include "corpus.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <utility>

namespace supra::program {
namespace {

using words = std::vector<std::string_view>;

// What a fact can be. The first half of the children are girls. No word here begins with a vowel where "a" stands before it.
const std::map<std::string_view, words> facts = {
    {"child", {"Anna", "Mia", "Lily", "Rosa", "Nora", "Clara", "Ivy",  "Ella", "Maya", "Zoe",  "June", "Tess",
               "Tom",  "Ben", "Max",  "Leo",  "Sam",  "Finn",  "Jack", "Omar", "Paul", "Hugo", "Karl", "Nico"}},
    {"elder", {"Grandma", "Grandpa", "Mother", "Father", "the teacher", "the old farmer", "the baker", "the miller"}},
    {"pet", {"dog", "cat", "rabbit", "pony", "goat", "duck", "parrot", "lamb", "turtle", "fox", "hen", "mouse"}},
    {"petname",
     {"Biscuit", "Pepper", "Cloud", "Button", "Ginger", "Shadow", "Pickle", "Honey", "Rusty", "Pebble", "Snowy", "Muffin",
      "Dusty", "Clover", "Toffee", "Bramble"}},
    {"colour", {"red", "blue", "green", "yellow", "white", "black", "pink", "brown", "purple", "golden", "silver", "grey"}},
    {"thing",
     {"ball", "kite", "drum", "boat", "doll", "hat", "key", "whistle", "cup", "book", "bell", "scarf", "lantern", "basket",
      "ring", "top"}},
    {"spot",
     {"under the bed", "behind the door", "in the barn", "under a flat stone", "in the hollow tree", "on the roof",
      "behind the well", "in the kitchen", "under the bridge", "in the tall grass", "on the shelf", "beside the gate",
      "in the old cart", "under the stairs", "behind the mill", "in a big pot"}},
    {"home", {"house", "cottage", "hut", "farm", "tower", "tent", "cabin", "mill house"}},
    {"near",
     {"by the river", "near the forest", "behind the hill", "by the sea", "near the market", "beside the lake",
      "near the castle", "by the long road"}},
    {"food", {"apples", "plums", "honey cakes", "nuts", "pears", "pancakes", "carrots", "beans", "cherries", "berries"}},
    {"weather", {"sunny", "windy", "rainy", "cold", "warm", "cloudy", "misty", "bright"}},
    {"feeling", {"happy", "proud", "glad", "surprised", "cheerful", "pleased"}},
};

// # is the child's number, % that of another one. Facts end in a number: {thing2} is one and the same in the whole story.
const words openings = {
    "Once upon a time, {child1} lived in a [small|tall|little|quiet] {home1} {near1}.",
    "In a [small|tall|little|quiet] {home1} {near1} lived a child named {child1}.",
    "{Child1} lived in a [small|tall|little|quiet] {home1} {near1}.",
};
const words pets = {
    "{He1} had a [fat|tiny|clever|lazy|brave] {pet9} named {petname9}.",
    "{His1} {pet9}, {petname9}, was [fat|tiny|clever|lazy|brave].",
};
const words two_friends = {"{His1} best friend was {child2}.", "{Child2} lived next door and came to play [often|every day]."};
const words three_friends = {"{His1} best friends were {child2} and {child3}.",
                             "{Child2} and {child3} lived next door and came to play [often|every day]."};

struct plot {
  words begin, give, ask;  // told once, for each child, for each child asked about
};
const std::vector<plot> plots = {
    {{"One {weather1} [day|morning|afternoon], they [wanted to play|played] a game of hiding.",
      "One {weather1} [day|morning|afternoon], each of them hid a toy for the others to find."},
     {"{Child#} hid a {colour#} {thing#} {spot#}.", "{Child#} put {his#} {colour#} {thing#} {spot#}.",
      "A {colour#} {thing#} was hidden {spot#} by {child#}."},
     {"\"Where is the {colour#} {thing#}?\" asked {child%}. \"It is {spot#},\" said {child#}.",
      "{Child%} [ran|went|walked] to look {spot#} and found the {colour#} {thing#} of {child#}.",
      "{Child#} showed {child%} the {colour#} {thing#} {spot#}."}},
    {{"One {weather1} [day|morning|afternoon], {elder1} came with [a gift|a surprise|something] for each of them.",
      "One {weather1} [day|morning|afternoon], {elder1} opened a [large|heavy] box of gifts."},
     {"{Child#} got a {colour#} {thing#}.", "There was a {colour#} {thing#} for {child#}.",
      "\"The {colour#} {thing#} is for you, {child#},\" said {elder1}."},
     {"\"Whose is the {colour#} {thing#}?\" asked {elder1}. \"It is mine,\" said {child#}.",
      "{Child%} wanted to see the {colour#} {thing#}, and {child#} [gladly|proudly|kindly] showed it.",
      "\"What did you get, {child#}?\" asked {child%}. \"A {colour#} {thing#},\" said {child#}."}},
    {{"One {weather1} [day|morning|afternoon], they brought all their animals to the meadow.",
      "One {weather1} [day|morning|afternoon], there was a show of animals {spot9}."},
     {"{Child#} brought a {colour#} {pet#} named {petname#}.", "{Petname#}, a {colour#} {pet#}, came with {child#}.",
      "{Child#} led {petname#}, {his#} {colour#} {pet#}, by a string."},
     {"\"{Petname#}!\" called {child#}, and the {colour#} {pet#} came back.",
      "{Child%} found the {colour#} {pet#} asleep and gave {petname#} back to {child#}.",
      "\"Is the {colour#} {pet#} yours?\" {child%} asked {child#}. \"Yes, that is {petname#},\" said {child#}."}},
};
const words between = {
    "Then they ate [some|a lot of|too many] {food1} and drank [milk|water|tea].",
    "A [small|large|strange] bird [sang|sat|slept] on the fence.",
    "{Petname9} ran in [small|big|wild] circles and made them [all laugh|dizzy].",
    "The wind blew [hard|softly] and [leaves|petals|feathers] flew [up|by|away].",
    "{Elder2} called from the window and [waved|smiled|laughed].",
    "They sang a song about [the moon|a king|a whale|two frogs|the spring].",
    "Far away, a bell rang [two|three|four|five] times.",
    "{Child2} told a [funny|long|silly|scary] story about a [bear|ghost|giant|witch].",
    "{Child1} fell into [the mud|a puddle|the hay] and was not hurt.",
    "For a while, they watched the [clouds|ants|boats|bees].",
    "Everybody was [tired|hungry|thirsty], so they sat down [in the shade|on the grass|on a log].",
    "{Elder2} gave them [two|three|four|five] [warm|sweet] pies to share.",
    "A [rabbit hole|path|ladder] led down to [the water|a cave|a garden], but nobody went there.",
    "{Petname9} [looked for|stole|found] some {food2} and ate them all.",
};
const words homeward = {
    "When [it got dark|the sun went down|the moon came up], {child1} and {petname9} the {pet9} went to the {home1} {near1}.",
    "[It got dark|The sun went down|The moon came up], and {child1} took the {pet9} home to the {home1} {near1}.",
};
const words partings = {
    "{Child2} was {feeling1}, and {child1} was {feeling2}.",
    "It had been a [good|lovely|long|strange] day.",
    "\"Come again [soon|tomorrow],\" {he1} had said to {child2}.",
};
const std::string_view farewell = "\"Good night, {petname9},\" said {child1}.";

class teller {
 public:
  explicit teller(choices& choose) : choose_(choose) {}

  std::string tell() {
    say(openings);
    say(pets);
    const std::size_t children = 2 + pick(2);
    say(children == 2 ? two_friends : three_friends);
    const plot& p = plots[pick(plots.size())];
    say(p.begin);
    for (std::size_t c = 1; c <= children; ++c) say(p.give, c, other(c, children));
    fill();
    ask(p, children);
    say(homeward);
    say(partings);
    say(words{farewell});
    return std::move(text_);
  }

 private:
  std::size_t pick(std::size_t n) { return n == 1 ? 0 : choose_.of(n, text_); }

  // Two to five sentences that keep the facts and the questions apart, none twice.
  void fill() {
    std::vector<std::string_view> left = between;
    for (int told = 0; told < 5 && (told < 2 || pick(2) == 0); ++told) say(take(left), 0, 0);
  }

  // Two of the children are asked about, in any order.
  void ask(const plot& p, std::size_t children) {
    std::vector<std::size_t> left(children);
    for (std::size_t c = 0; c < children; ++c) left[c] = c + 1;
    for (int asked = 0; asked < 2; ++asked) {
      const std::size_t child = take(left);
      say(p.ask, child, other(child, children));
    }
  }

  template <class T>
  T take(std::vector<T>& left) {
    const auto at = left.begin() + static_cast<std::ptrdiff_t>(pick(left.size()));
    const T taken = *at;
    left.erase(at);
    return taken;
  }

  static std::size_t other(std::size_t child, std::size_t children) { return child % children + 1; }

  void say(const words& sentences, std::size_t child = 0, std::size_t other = 0) {
    say(sentences[pick(sentences.size())], child, other);
  }
  void say(std::string_view sentence, std::size_t child, std::size_t other) {
    child_ = static_cast<char>('0' + child), other_ = static_cast<char>('0' + other);
    if (!text_.empty()) text_ += ' ';
    expand(sentence);
  }

  void expand(std::string_view s) {
    while (!s.empty()) {
      const std::size_t plain = std::min(s.find_first_of("[{"), s.size());
      text_ += s.substr(0, plain);
      s.remove_prefix(plain);
      if (s.empty()) return;
      const std::size_t end = s.find(s[0] == '[' ? ']' : '}');
      s[0] == '[' ? alternatives(s.substr(1, end - 1)) : fact(s.substr(1, end - 1));
      s.remove_prefix(end + 1);
    }
  }

  void alternatives(std::string_view s) {
    words all;
    for (std::size_t bar = s.find('|'); bar != s.npos; bar = s.find('|')) {
      all.push_back(s.substr(0, bar));
      s.remove_prefix(bar + 1);
    }
    all.push_back(s);
    text_ += all[pick(all.size())];
  }

  // "Thing#": kind thing, the number of the child told about, with a capital.
  void fact(std::string_view name) {
    std::string kind(name.substr(0, name.size() - 1));
    const bool capital = std::isupper(static_cast<unsigned char>(kind[0]));
    kind[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(kind[0])));
    const char number = name.back() == '#' ? child_ : name.back() == '%' ? other_ : name.back();
    std::string word(kind == "he" || kind == "his" ? pronoun(kind, number) : remembered(kind, number));
    if (capital) word[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
    text_ += word;
  }

  // A fact's first mention draws among the words of its kind that this story has not used; later ones repeat it.
  std::string_view remembered(const std::string& kind, char number) {
    auto& known = known_[kind];
    if (const auto it = known.find(number); it != known.end()) return it->second;
    words left;
    for (const auto word : facts.at(kind))
      if (std::none_of(known.begin(), known.end(), [&](const auto& k) { return k.second == word; })) left.push_back(word);
    return known[number] = left[pick(left.size())];
  }

  std::string_view pronoun(const std::string& kind, char number) {
    const auto name = remembered("child", number);
    const auto& all = facts.at("child");
    const bool girl = std::find(all.begin(), all.end(), name) - all.begin() < static_cast<std::ptrdiff_t>(all.size() / 2);
    if (kind == "he") return girl ? "she" : "he";
    return girl ? "her" : "his";
  }

  choices& choose_;
  std::string text_;
  std::map<std::string, std::map<char, std::string_view>> known_;
  char child_ = '0', other_ = '0';
};

// splitmix64, after Steele, Lea and Flood 2014.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
std::uint64_t next(std::uint64_t& state) { return mix(state += 0x9e3779b97f4a7c15u); }

// Equal probabilities exactly: numbers beyond the last whole multiple of n are drawn again.
struct random_choices : choices {
  std::uint64_t& state;
  double nats = 0;
  explicit random_choices(std::uint64_t& s) : state(s) {}
  std::size_t of(std::size_t n, std::string_view) override {
    nats += std::log(static_cast<double>(n));
    const std::uint64_t top = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t limit = top - (top % n + 1) % n;
    std::uint64_t x = next(state);
    while (x > limit) x = next(state);
    return static_cast<std::size_t>(x % n);
  }
};

// Follows a path of choices; where it ends, notes how many ways lead on and what was told so far (the rest is of no interest).
struct followed_choices : choices {
  std::span<const std::size_t> path;
  std::size_t at = 0, ways = 0;
  std::string told;
  explicit followed_choices(std::span<const std::size_t> p) : path(p) {}
  std::size_t of(std::size_t n, std::string_view so_far) override {
    if (at < path.size()) return path[at++];
    if (ways == 0) ways = n, told = so_far;
    return 0;
  }
};

double probability(std::string_view text, std::vector<std::size_t>& path, double before) {
  followed_choices follow(path);
  const std::string whole = tell(follow);
  if (follow.ways == 0) return whole == text ? before : 0;
  if (!text.starts_with(follow.told)) return 0;
  double sum = 0;
  for (std::size_t way = 0; way < follow.ways; ++way) {
    path.push_back(way);
    sum += probability(text, path, before / static_cast<double>(follow.ways));
    path.pop_back();
  }
  return sum;
}

}  // namespace

std::string tell(choices& choose) { return teller(choose).tell(); }

story make_story(std::uint64_t& state) {
  random_choices choose(state);
  std::string text = tell(choose);
  return {std::move(text), choose.nats};
}

std::vector<story> corpus(std::uint64_t seed, std::size_t bytes) {
  std::uint64_t state = mix(seed + 0x9e3779b97f4a7c15u);  // neighbouring seeds must not give shifted copies of one sequence
  std::vector<story> stories;
  for (std::size_t have = 0; have < bytes; have += stories.back().text.size()) stories.push_back(make_story(state));
  return stories;
}

double entropy_per_byte(std::uint64_t seed, std::size_t stories) {
  std::uint64_t state = mix(seed + 0x9e3779b97f4a7c15u);
  double nats = 0, bytes = 0;
  for (std::size_t i = 0; i < stories; ++i) {
    const story s = make_story(state);
    nats += s.nats, bytes += static_cast<double>(s.text.size());
  }
  return bytes > 0 ? nats / bytes : 0;
}

double entropy_per_token(std::span<const story> stories) {
  double nats = 0, tokens = 0;
  for (auto& s : stories) nats += s.nats, tokens += static_cast<double>(s.text.size() + 1);
  return nats / tokens;
}

double nats_of(std::string_view text) {
  std::vector<std::size_t> path;
  return -std::log(probability(text, path, 1));
}

}  // namespace supra::program
