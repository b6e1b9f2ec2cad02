// States in files: the same text goes on, and what is not this model's state is refused by a sentence.
#include "supra/model/state_file.hpp"

#include "../io/temporary.hpp"
#include "models.hpp"

using namespace supra_test;
using supra::model::generation;

BOOST_AUTO_TEST_CASE(a_text_goes_on_from_a_file) {
  for (auto& [name, c] : models_and_hybrids()) BOOST_TEST_CONTEXT(name) {
    const temporary_folder folder;
    made<float> a(c), again(c);
    generation g(a.m, 2), h(again.m, 2);
    const auto ids = random_tokens(c.vocab, 2 * 17, 4), next = random_tokens(c.vocab, 2, 5);
    const auto last = g.feed(ids, 17);
    supra::model::save_state(folder / "s", g);
    supra::model::load_state(folder / "s", h);
    BOOST_TEST((h.logits() == last));
    BOOST_TEST(h.position() == 17);
    BOOST_TEST((g.step(next) == h.step(next)));
    BOOST_CHECK_EXCEPTION(supra::model::save_state(folder / "s", g), supra::io::error, says("exists already"));
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_this_models_state_is_refused) {
  const temporary_folder folder;
  const auto c = models().at("student");
  made<float> a(c), other(c, 8);
  generation g(a.m, 1), h(other.m, 1), two(a.m, 2);
  g.feed(random_tokens(c.vocab, 5, 1), 5);
  supra::model::save_state(folder / "s", g);
  BOOST_CHECK_EXCEPTION(supra::model::load_state(folder / "s", h), supra::io::error, says("another model"));
  BOOST_CHECK_EXCEPTION(supra::model::load_state(folder / "s", two), supra::io::error, says("1 sequences"));
  BOOST_TEST(h.position() == 0);
  const std::vector<float> numbers(7, 0.5f);
  supra::io::write_safetensors(folder / "t", {{"state", supra::io::dtype::f32, {7}, std::as_bytes(std::span(numbers))}});
  BOOST_CHECK_EXCEPTION(supra::model::load_state(folder / "t", g), supra::io::error, says("no state of a generation"));
  std::map<std::string, std::string> meta = {{"format", "supra state 1"},
                                             {"model", supra::model::fingerprint(a.m)},
                                             {"count", "1"},
                                             {"position", "3"},
                                             {"filled", "0"}};
  const std::vector<supra::io::tensor_out> tensors = {{"state", supra::io::dtype::f32, {7}, std::as_bytes(std::span(numbers))},
                                                      {"logits", supra::io::dtype::f32, {0}, {}}};
  supra::io::write_safetensors(folder / "u", tensors, meta);
  BOOST_CHECK_EXCEPTION(supra::model::load_state(folder / "u", g), supra::io::error, says("another number of sequences"));
  meta["position"] = "-3";
  supra::io::write_safetensors(folder / "v", tensors, meta);
  BOOST_CHECK_EXCEPTION(supra::model::load_state(folder / "v", g), supra::io::error, says("must be a count below"));
  BOOST_TEST(g.position() == 5);
}
