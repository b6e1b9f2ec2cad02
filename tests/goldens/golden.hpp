// Compares a model on one backend with golden numbers: the norm of a tensor's difference over the norm of the tensor. CMake
// compiles models.cpp for every backend: SUPRA_BACKEND_HEADER, SUPRA_BACKEND.
#pragma once

#include SUPRA_BACKEND_HEADER

#include <cmath>
#include <filesystem>
#include <map>

#include "instances/load_model.hpp"
#include "supra/model/transformer.hpp"
#include "test.hpp"

namespace supra_test {

template <class T>
inline constexpr double value_limit = sizeof(T) == 8 ? 1e-6 : 2e-4;  // the source's norms pass through float32
template <class T>
inline constexpr double gradient_limit = sizeof(T) == 8 ? 5e-6 : 2e-4;

template <class T>
double relative(std::span<const T> found, const std::vector<double>& wanted) {
  double difference = 0, size = 0;
  if (found.size() != wanted.size()) return std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double d = static_cast<double>(found[i]) - wanted[i];
    difference += d * d, size += wanted[i] * wanted[i];
  }
  const double r = std::sqrt(size > 0 ? difference / size : difference);
  return r >= 0 ? r : std::numeric_limits<double>::infinity();  // NaN
}

struct golden_case {
  std::vector<std::int32_t> ids, targets;
  std::int64_t count = 0, length = 0;
  explicit golden_case(const supra::io::safetensors_file& f) {
    const auto shape = f.shape("input_ids");
    count = shape[0], length = shape[1];
    for (auto x : f.read<std::int64_t>("input_ids")) ids.push_back(static_cast<std::int32_t>(x));
    for (auto x : f.read<std::int64_t>("targets")) targets.push_back(static_cast<std::int32_t>(x));
  }
};

// `gradient(name)` gives the golden gradient of one of our tensors.
template <class T, class Gradient>
void check_golden(const supra::io::safetensors_file& golden, const supra::io::loaded<T>& model, const std::string& where,
                  Gradient gradient) {
  const golden_case g(golden);
  SUPRA_BACKEND backend;
  supra::model::attention_registry<SUPRA_BACKEND, T> registry;
  supra::model::add_paper_attention(registry);
  supra::model::transformer<SUPRA_BACKEND, T> m(backend, model.config, registry);
  auto host = [&](const T* from, std::int64_t n) {
    std::vector<T> x(static_cast<std::size_t>(n));
    backend.fence(), backend.download(from, x.data(), n);
    return x;
  };
  m.load(model.values);
  auto limit = [&](const std::string& what, double d, double most) {
    BOOST_TEST(d <= most, where << ", " << what << ": relative error " << d << ", at most " << most);
  };

  m.forward(g.ids, g.count, g.length);
  limit("logits", relative<T>(m.logits(), golden.read<double>("logits")), value_limit<T>);
  auto gradient_memory = backend.template allocate<T>(m.layout.size());
  const double predictions =
      static_cast<double>(std::count_if(g.targets.begin(), g.targets.end(), [](auto x) { return x >= 0; }));
  const double loss = m.loss(g.targets, 0, gradient_memory.data()) / predictions;
  const auto gradients = host(gradient_memory.data(), gradient_memory.size());
  limit("loss", std::abs(loss - golden.read<double>("loss")[0]) / loss, value_limit<T>);
  for (auto& t : m.layout.tensors())
    limit(
        "gradient of " + t.name,
        relative<T>(std::span<const T>(gradients).subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.size)),
                    gradient(t)),
        gradient_limit<T>);

  if (golden.has("layer0_attention")) {
    m.forward(g.ids, g.count, g.length);
    m.run_attention(0, m.layer_input(0));
    const auto wanted = golden.read<double>("layer0_attention");
    limit("layer 0's attention", relative<T>(host(m.attention_output(), static_cast<std::int64_t>(wanted.size())), wanted),
          value_limit<T>);
    const auto in = golden.read<double>("layer0_attention_in");
    limit("layer 0's input", relative<T>(host(m.attention_input(), static_cast<std::int64_t>(in.size())), in), value_limit<T>);
    auto state = m.final_state(0);  // the file holds gamma S_T
    const auto h = static_cast<std::size_t>(model.config.heads),
               per_head = state.size() / h / static_cast<std::size_t>(g.count);
    for (std::size_t i = 0; i < state.size(); ++i) {
      const int head = static_cast<int>(i / per_head % h), heads = static_cast<int>(h);
      const auto& decay = model.config.attention.decay;
      const double log_gamma = decay == "slopes"   ? supra::slope_decay{}.log_gamma(head, heads)
                               : decay == "retnet" ? supra::retnet_decay{}.log_gamma(head, heads)
                                                   : 0;
      state[i] = static_cast<T>(state[i] * std::exp(log_gamma));
    }
    limit("layer 0's state", relative<T>(state, golden.read<double>("final_state_layer0")), value_limit<T>);
  }
}

}  // namespace supra_test
