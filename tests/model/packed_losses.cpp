// What fewer bits cost in loss, on published models and their own kind of text.
#include <algorithm>
#include <fstream>
#include <iterator>

#include "instances/load_model.hpp"
#include "instances/models.hpp"
#include "supra/io/load_tokenizer.hpp"
#include "supra/model/packed_decoder.hpp"
#include "test.hpp"

using namespace supra;
using layer::weight_kind;

namespace {

// Mean over the first 64 windows of 256 tokens of a text.
double loss(const io::loaded<float>& model, std::vector<std::int32_t> ids, weight_kind kind) {
  constexpr std::size_t windows = 64, length = 256;
  BOOST_REQUIRE(ids.size() >= windows * length);
  ids.resize(windows * length);
  auto targets = ids;
  std::rotate(targets.begin(), targets.begin() + 1, targets.end());
  for (std::size_t w = 1; w <= windows; ++w) targets[w * length - 1] = -1;
  eigen_backend b;
  model::packed_decoder<eigen_backend> weights(b, model.config, {}, model.values, kind);
  model::generation<eigen_backend, float> g(weights, windows);
  return g.score(ids, targets, length) / static_cast<double>(windows * (length - 1));
}

// bf16 moves each weight by at most 2^-8 of itself, int8 by at most 2^-8 of its row's largest: sums of many such errors of
// either sign move a logit by some hundredths, either way, and the mean of many losses by far less. Measured: bf16 -1e-4 and
// -1e-4, int8 -3e-3 and 6e-4.
void costs(const std::string& weights, const std::string& tokens) {
  const std::string data = supra_test::data_dir();
  std::ifstream file(data + "/text/tinystories_train_2m.txt", std::ios::binary);
  BOOST_REQUIRE(file.good());
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto ids = io::load_tokenizer(data + "/tokenizers/" + tokens)->encode(text);
  const auto model = io::load_model<float>(data + "/weights/" + weights);
  const double f32 = loss(model, ids, weight_kind::f32), halves = loss(model, ids, weight_kind::bf16),
               bytes = loss(model, ids, weight_kind::int8);
  BOOST_TEST_MESSAGE(weights << ": " << f32 << ", bf16 costs " << halves - f32 << ", int8 " << bytes - f32);
  BOOST_TEST(std::abs(halves - f32) <= 1e-3, halves - f32);
  BOOST_TEST(std::abs(bytes - f32) <= 5e-3, bytes - f32);
}

}  // namespace

BOOST_AUTO_TEST_CASE(stories260K) {
  if (!supra_test::left_out("the losses of stories260K in fewer bits")) costs("stories260K.bin", "tok512.bin");
}
BOOST_AUTO_TEST_CASE(babyllama_tok105) {
  if (!supra_test::left_out("the losses of babyllama tok105 in fewer bits")) costs("babyllama_tok105_936K.bin", "tok105.model");
}
