// Losses on texts: of documents, of windows over a stream, and by position in a window.
#pragma once

#include <tuple>

#include "session.hpp"
#include "supra/evaluate/positions.hpp"

namespace supra::program {

struct measured {
  double nats;  // per token predicted
  std::int64_t predictions, units;
};

template <class B>
const model::config& config_of(const model::transformer<B, scalar<B>>& m) {
  return m.c;
}
template <class B>
const model::config& config_of(const scored<B>& m) {
  return m.weights.c;
}

// How many windows of w tokens are taken of so many.
inline std::int64_t window_count(std::int64_t tokens, std::int64_t w, const evaluate_options& o) {
  io::need(w >= 2, o.window ? "--window " + std::to_string(w) : o.text.front(),
           ": a window needs at least 2 tokens, its first is ", "not predicted");
  const std::int64_t all = tokens / w, n = o.limit ? std::min(all, *o.limit) : all;
  io::need(n > 0, o.text.front(), ": has ", tokens, " tokens, less than one window of ", w);
  return n;
}
// Tokens to read of windows first .. first + count - 1 (count, w - 1), and those to predict.
inline std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>> windows_of(const std::vector<std::int32_t>& ids,
                                                                                  std::int64_t w, std::int64_t first,
                                                                                  std::int64_t count) {
  std::vector<std::int32_t> x, y;
  for (std::int64_t j = first; j < first + count; ++j) {
    const auto at = ids.begin() + j * w;
    x.insert(x.end(), at, at + w - 1), y.insert(y.end(), at + 1, at + w);
  }
  return {std::move(x), std::move(y)};
}

template <class Model>
std::tuple<double, std::int64_t, std::int64_t> windows_loss(Model& m, const std::vector<std::int32_t>& ids,
                                                            const evaluate_options& o) {
  const std::int64_t w = *o.window, n = window_count(static_cast<std::int64_t>(ids.size()), w, o);
  progress bar("evaluate", static_cast<double>(n * w));
  double sum = 0;
  const std::int64_t at_once = std::max<std::int64_t>(1, 4096 / w);
  for (std::int64_t i = 0; i < n; i += at_once) {
    const std::int64_t count = std::min(at_once, n - i);
    const auto [x, y] = windows_of(ids, w, i, count);
    m.forward(x, count, w - 1);
    sum += m.loss(y);
    bar.show(static_cast<double>((i + count) * w), sum / static_cast<double>((i + count) * (w - 1)));
  }
  return {sum, n * (w - 1), n};
}
template <class Model>
std::tuple<double, std::int64_t, std::int64_t> documents_loss(Model& m, const io::tokenizer& tokenizer, const std::string& text,
                                                              const evaluate_options& o) {
  auto docs = documents(text);
  check_not_empty(docs, o.text);
  if (o.limit) docs.resize(std::min(docs.size(), static_cast<std::size_t>(*o.limit)));
  const auto& c = config_of(m);
  const document_batches batches(tokenizer, docs, c.bos, c.max_length);
  progress bar("evaluate", static_cast<double>(batches.tokens()));
  const auto [sum, predictions] =
      batches.loss(m, [&](std::int64_t seen, double loss) { bar.show(static_cast<double>(seen), loss); });
  return {sum, predictions, static_cast<std::int64_t>(docs.size())};
}
template <class Model>
measured mean_loss(Model& m, const io::tokenizer& tokenizer, const std::string& text, const evaluate_options& o) {
  const auto [sum, predictions, units] =
      o.window ? windows_loss(m, tokenizer.encode(text), o) : documents_loss(m, tokenizer, text, o);
  io::need(predictions > 0, o.text.front(), ": gives no token to predict; give a longer text or a smaller --window");
  return {sum / static_cast<double>(predictions), predictions, units};
}

// By position, token after token from the state: an RNN's windows may be longer than what it was made for, a transformer's not.
template <class B>
json position_losses(model::decoder<B, scalar<B>>& weights, const std::vector<std::int32_t>& ids, const evaluate_options& o) {
  const auto& c = weights.c;
  const auto tokens = static_cast<std::int64_t>(ids.size()), longest = c.linear ? 16 * c.max_length : c.max_length;
  const std::int64_t w = std::min(o.window ? *o.window : std::min(longest, tokens), c.linear ? tokens : longest),
                     n = window_count(tokens, o.window && *o.window > tokens ? *o.window : w, o),
                     at_once = c.linear ? 8 : std::max<std::int64_t>(1, 8192 / w);
  evaluate::losses_by_position losses(w);
  progress bar("by position", static_cast<double>(n * w));
  double sum = 0;
  for (std::int64_t i = 0; i < n; i += at_once) {
    const std::int64_t count = std::min(at_once, n - i);
    const auto [x, y] = windows_of(ids, w, i, count);
    std::vector<double> each;
    sum += model::generation<B, scalar<B>>(weights, count).score(x, y, w - 1, &each);
    for (std::size_t j = 0; j < each.size(); ++j) losses.add(1 + static_cast<std::int64_t>(j) % (w - 1), each[j]);
    bar.show(static_cast<double>((i + count) * w), sum / static_cast<double>((i + count) * (w - 1)));
  }
  json bins = json::array();
  for (auto& b : losses.bins())
    bins.push_back({{"from", b.from}, {"to", b.to}, {"loss", b.mean()}, {"stderr", b.error()}, {"predictions", b.predictions}});
  return {{"loss_nats_per_token", sum / static_cast<double>(n * (w - 1))},
          {"tokens", n * (w - 1)},
          {"windows", n},
          {"by_position", {{"window", w}, {"bins", std::move(bins)}}}};
}

}  // namespace supra::program
