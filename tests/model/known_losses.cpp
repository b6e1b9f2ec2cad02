// Losses of published models on a published text, known from another program: the readers, the tokenizers and the model
// together.
#include <algorithm>
#include <fstream>
#include <iterator>

#include "instances/load_model.hpp"
#include "instances/models.hpp"
#include "supra/io/load_tokenizer.hpp"
#include "test.hpp"

using namespace supra;

namespace {

// Mean cross-entropy over the first 64 windows of 256 tokens of tiny Shakespeare, each alone: no BOS, its first token not
// predicted.
double tinyshakespeare(const std::string& weights, const std::string& tokens) {
  constexpr std::int64_t windows = 64, length = 256;
  const std::string data = supra_test::data_dir();
  std::ifstream file(data + "/text/tinyshakespeare.txt", std::ios::binary);
  BOOST_REQUIRE(file.good());
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto ids = io::load_tokenizer(data + "/tokenizers/" + tokens)->encode(text);
  BOOST_REQUIRE(ids.size() >= static_cast<std::size_t>(windows * length));
  ids.resize(static_cast<std::size_t>(windows * length));
  auto targets = ids;
  std::rotate(targets.begin(), targets.begin() + 1, targets.end());
  for (std::size_t w = 1; w <= windows; ++w) targets[w * length - 1] = -1;
  const auto loaded = io::load_model<float>(data + "/weights/" + weights);
  eigen_backend b;
  model::transformer<eigen_backend, float> m(b, loaded.config, {});
  m.load(loaded.values);
  m.forward(ids, windows, length);
  return m.loss(targets) / static_cast<double>(windows * (length - 1));
}

}  // namespace

BOOST_AUTO_TEST_CASE(stories260K) {
  if (supra_test::left_out("the known loss of stories260K")) return;
  const double loss = tinyshakespeare("stories260K.bin", "tok512.bin");
  BOOST_TEST(std::abs(loss - 4.6746) <= 1e-4, loss);
}
BOOST_AUTO_TEST_CASE(babyllama_tok105) {
  if (supra_test::left_out("the known loss of babyllama tok105")) return;
  const double loss = tinyshakespeare("babyllama_tok105_936K.bin", "tok105.model");
  BOOST_TEST(std::abs(loss - 2.8192) <= 1e-4, loss);
}
