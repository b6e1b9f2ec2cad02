// Text that a teacher writes: the same for any batch, what its probabilities say, kept in files that are checked.
#include "../../examples/supra/teacher_text.hpp"

#include "program.hpp"
#include "supra/eigen/backend.hpp"
#include "supra/supra.hpp"
#include "test.hpp"

using namespace supra;
using program::token_documents;
using supra_test::says;

namespace {

constexpr std::int32_t vocab = 258, bos = 256;

struct teacher {
  eigen_backend b;
  model::attention_registry<eigen_backend, float> none;
  model::config c = supra_test::tiny_config();
  std::vector<float> values = model::random_values<float>(c, 3);
  std::unique_ptr<model::packed_decoder<eigen_backend>> weights;
  model::packed_decoder<eigen_backend>& decoder() {
    weights = std::make_unique<model::packed_decoder<eigen_backend>>(b, c, none, values, layer::weight_kind::f32);
    return *weights;
  }
};
program::sampling settings(std::int64_t batch, std::uint64_t seed = 5) { return {seed, 24, 1500, batch, bos, vocab}; }
token_documents sampled(teacher& t, const program::sampling& s) {
  return program::sample_documents<eigen_backend>(t.decoder(), s, [](std::int64_t) {});
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_batch_changes_nothing) {
  teacher t;
  const auto one = sampled(t, settings(1));
  for (std::int64_t batch : {2, 7, 32}) BOOST_TEST((sampled(t, settings(batch)) == one), "batch " << batch);
  BOOST_TEST((sampled(t, settings(7, 6)) != one));
  std::size_t tokens = 0, short_ones = 0;
  for (auto& d : one) {
    tokens += 1 + d.size(), short_ones += d.size() < 24;
    BOOST_TEST((!d.empty() && d.size() <= 24));
    for (auto id : d) BOOST_TEST((id >= 0 && id < vocab && !model::ends_text(t.c, id)));
  }
  BOOST_TEST((tokens >= 1500 && tokens - 1 - one.back().size() < 1500));  // no document too many
  BOOST_TEST((short_ones > 0 && short_ones < one.size()),
             short_ones << " of " << one.size() << " texts ended: the case shows nothing");
}

// First tokens against the probabilities after BOS, by chi squared.
BOOST_AUTO_TEST_CASE(tokens_come_as_often_as_they_are_likely) {
  teacher t;
  auto weights = std::ref(t.decoder());
  model::generation<eigen_backend, float> g(weights.get(), 1);
  const std::vector<std::int32_t> first = {bos};
  const auto logits = g.step(first);
  double all = 0;
  for (float x : logits) all += std::exp(static_cast<double>(x));
  auto s = settings(32);
  s.length = 1, s.tokens = 20000;
  std::vector<double> seen(vocab);
  const auto docs = program::sample_documents<eigen_backend>(weights.get(), s, [](std::int64_t) {});
  for (auto& d : docs) ++seen[static_cast<std::size_t>(d.front())];
  // those that end at once are left out
  const double kept = all - std::exp(static_cast<double>(logits[256])) - std::exp(static_cast<double>(logits[257]));
  const auto n = static_cast<double>(docs.size());
  double chi2 = 0;
  for (std::size_t v = 0; v < 256; ++v) {
    const double expected = n * std::exp(static_cast<double>(logits[v])) / kept;
    chi2 += (seen[v] - expected) * (seen[v] - expected) / expected;
  }
  BOOST_TEST(std::abs(chi2 - 255) < 5 * std::sqrt(2 * 255.0), "chi squared " << chi2 << " of 255 degrees of freedom");
}

BOOST_AUTO_TEST_CASE(a_teacher_that_ends_at_once) {
  teacher t;
  t.c.more_eos.clear();
  for (std::int64_t id = 0; id < 256; ++id) t.c.more_eos.push_back(id);  // whatever it says ends a text
  BOOST_CHECK_EXCEPTION(sampled(t, settings(8)), io::error, says("--text teacher:5: the teacher ended 1000 texts"));
}
BOOST_AUTO_TEST_CASE(a_teacher_whose_logits_are_not_finite) {
  teacher t;
  const model::parameter_layout layout(t.c);
  const auto& norm = layout.at("model.norm.weight");
  std::fill_n(t.values.begin() + norm.offset, norm.size, std::numeric_limits<float>::max());
  BOOST_CHECK_EXCEPTION(sampled(t, settings(8)), io::error, says("logits are not finite"));
}

BOOST_AUTO_TEST_CASE(files_of_tokens) {
  const supra_test::temporary_folder folder;
  const std::string path = folder / "a.safetensors";
  const token_documents docs = {{1, 2, 3}, {4}, {0, 9}};
  program::write_tokens(path, docs, 10, "here");
  const std::string here = "here", there = "there";
  BOOST_TEST((program::read_tokens(path, 10) == docs));
  BOOST_TEST((program::read_tokens(path, 10, &here) == docs));
  BOOST_CHECK_EXCEPTION(program::read_tokens(path, 10, &there), io::error, says("other settings: here then, there now"));
  BOOST_CHECK_EXCEPTION(program::read_tokens(path, 11), io::error, says("a vocabulary of 10, the model's has 11"));
  const auto damaged = [&](std::vector<std::int32_t> ids, std::vector<std::int64_t> lengths, const char* why) {
    const std::string other = folder / "b.safetensors";
    io::write_safetensors(
        other,
        {{"ids", io::dtype::i32, {static_cast<std::int64_t>(ids.size())}, std::as_bytes(std::span(ids))},
         {"lengths", io::dtype::i64, {static_cast<std::int64_t>(lengths.size())}, std::as_bytes(std::span(lengths))}},
        {{"vocab", "10"}}, io::existing::overwrite);
    BOOST_CHECK_EXCEPTION(program::read_tokens(other, 10), io::error, says(why));
  };
  damaged({1, 10}, {2}, "the token 10"), damaged({1, -1}, {2}, "the token -1");
  damaged({1, 2}, {3}, "a document of 3 tokens with 2 left"), damaged({1, 2}, {1}, "has 1 tokens after");
  damaged({1, 2}, {0, 2}, "a document of 0"), damaged({1, 2}, {-1, 3}, "a document of -1");
  damaged({1, 2}, {1, INT64_MAX}, "tokens with 1 left");
  supra_test::make_model(folder / "m", supra_test::tiny_config());
  BOOST_CHECK_EXCEPTION(program::read_tokens(folder / "m/model.safetensors", 258), io::error, says("is no file of tokens"));
}

BOOST_AUTO_TEST_CASE(seeds) {
  BOOST_TEST((program::made_by("teacher", "teacher:7") == std::optional<std::uint64_t>(7)));
  BOOST_TEST(!program::made_by("teacher", "teacher"));
  BOOST_TEST(!program::made_by("teacher", "./teacher:7"));
  for (const char* bad : {"teacher:", "teacher:x", "teacher:-1", "teacher:1.5", "teacher:123456789012345678901"})
    BOOST_CHECK_EXCEPTION(program::made_by("teacher", bad), io::error, says("a whole number from 0"));
}
