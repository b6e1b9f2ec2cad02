// A real transformer of 135 million parameters: hidden states, logits, loss and gradients in float, against float64.
#pragma once

#include "../smollm2.hpp"
#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(smollm2)
namespace {

constexpr double values_within = 1e-4, gradients_within = 1e-3;  // gradients of another float32 program differ by 5e-4
// The first position is huge in some dimensions, and the differences of its roundings stay where layers take it back later:
// there a norm's gradient has as many digits as bf16.
constexpr double huge_within = 0x1p-8;

}  // namespace

BOOST_AUTO_TEST_CASE(in_float) {
  using namespace supra;
#ifdef __SANITIZE_ADDRESS__
  std::cout << "left out (the address sanitizer makes it long): SmolLM2's forward and backward pass\n";
  return;
#endif
  if (supra_test::smollm2_left_out("SmolLM2's forward and backward pass")) return;
  const io::safetensors_file golden(supra_test::smollm2_goldens() / "smollm2.safetensors");
  const auto facts = io::read_json(supra_test::smollm2_goldens() / "smollm2.json");
  SUPRA_BACKEND backend;
  const model::attention_registry<SUPRA_BACKEND, float> registry;
  auto loaded = io::load_model<float>(supra_test::smollm2_file());
  model::transformer<SUPRA_BACKEND, float> m(backend, loaded.config, registry);
  m.load(loaded.values);
  loaded.values = {};
  auto host = [&](const float* from, std::int64_t n) {
    std::vector<float> x(static_cast<std::size_t>(n));
    backend.fence(), backend.download(from, x.data(), n);
    return x;
  };
  auto limit = [&](const std::string& what, double d, double most) {
    BOOST_TEST(d <= most, what << ": relative error " << d << ", at most " << most);
  };

  std::vector<std::int32_t> ids, targets;
  for (auto x : golden.read<std::int64_t>("input_ids")) ids.push_back(static_cast<std::int32_t>(x));
  targets.assign(ids.begin() + 1, ids.end()), targets.push_back(-1);
  const auto length = static_cast<std::int64_t>(ids.size()), dim = loaded.config.dim, vocab = loaded.config.vocab;
  m.forward(ids, 1, length);
  for (std::int64_t l : {0, 14, 29}) {  // the first position's size is of another order: it would hide the others
    const std::string name = "hidden_after_layer." + std::to_string(l);
    const auto found = host(m.layer_input(l + 1), length * dim);
    const auto wanted = golden.read<double>("f64." + name);
    const std::span<const float> all(found);
    const auto first = static_cast<std::size_t>(dim);
    limit(name + ", first position", supra_test::relative<float>(all.first(first), {wanted.begin(), wanted.begin() + dim}),
          values_within);
    limit(name + ", others", supra_test::relative<float>(all.subspan(first), {wanted.begin() + dim, wanted.end()}),
          values_within);
  }
  std::vector<bool> huge(static_cast<std::size_t>(dim), false);  // larger than any other position anywhere
  for (auto name : {"f64.hidden_after_layer.14", "f64.hidden_after_layer.29"}) {
    const auto x = golden.read<double>(name);
    double others = 0;
    for (std::size_t i = huge.size(); i < x.size(); ++i) others = std::max(others, std::abs(x[i]));
    for (std::size_t i = 0; i < huge.size(); ++i) huge[i] = huge[i] || std::abs(x[i]) > others;
  }
  const auto logits = m.logits();
  std::vector<float> some, greatest, sums;
  for (auto t : golden.read<std::int64_t>("full_positions"))
    some.insert(some.end(), logits.begin() + t * vocab, logits.begin() + (t + 1) * vocab);
  limit("logits", supra_test::relative<float>(some, golden.read<double>("f64.logits_full")), values_within);
  const auto top = golden.read<std::int64_t>("f64.top32_ids");
  const auto each = static_cast<std::int64_t>(top.size()) / length;
  for (std::int64_t t = 0; t < length; ++t) {
    const float* row = logits.data() + t * vocab;
    for (std::int64_t i = 0; i < each; ++i) greatest.push_back(row[top[static_cast<std::size_t>(t * each + i)]]);
    BOOST_TEST(std::max_element(row, row + vocab) - row ==
               facts.at("greedy_next_token")[static_cast<std::size_t>(t)].get<std::int64_t>());
    double sum = 0;
    for (std::int64_t i = 0; i < vocab; ++i) sum += std::exp(static_cast<double>(row[i]));
    sums.push_back(static_cast<float>(std::log(sum)));
  }
  limit("the 32 largest logits", supra_test::relative<float>(greatest, golden.read<double>("f64.top32_values")), values_within);
  limit("log-sum-exp", supra_test::relative<float>(sums, golden.read<double>("f64.logsumexp")), values_within);

  auto gradient_memory = backend.template allocate<float>(m.layout.size());
  const double loss = m.loss(targets, 0, gradient_memory.data()) / static_cast<double>(length - 1),
               wanted_loss = facts.at("loss_f64");
  limit("loss", std::abs(loss - wanted_loss) / wanted_loss, values_within);
  const auto gradients = host(gradient_memory.data(), gradient_memory.size());
  double total = 0;
  int whole = 0;
  for (auto& t : m.layout.tensors()) {
    const auto g =
        std::span<const float>(gradients).subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size));
    double square = 0;
    for (double x : g) square += x * x;
    total += square;
    const double norm = facts.at("grad_norms_f64").at(t.name);
    limit("norm of the gradient of " + t.name, std::abs(std::sqrt(square) - norm) / norm, gradients_within);
    if (!golden.has("f64.grad." + t.name)) continue;
    ++whole;
    const auto wanted = golden.read<double>("f64.grad." + t.name);
    double apart = 0, others = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double d = static_cast<double>(g[i]) - wanted[i];
      (t.size == dim && huge[i] ? apart : others) += d * d;
    }
    limit("gradient of " + t.name + " where the first position is huge", std::sqrt(apart) / norm, huge_within);
    limit("gradient of " + t.name, std::sqrt(others) / norm, gradients_within);
  }
  BOOST_TEST(whole == 63);
  const double norm = facts.at("grad_norm_total_f64");
  limit("norm of all gradients", std::abs(std::sqrt(total) - norm) / norm, gradients_within);
}
BOOST_AUTO_TEST_SUITE_END()
