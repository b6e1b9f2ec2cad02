// Requests as tokens, by lm-evaluation-harness' rules: white space at the context's end goes to the continuation; the
// continuation's tokens are those of both together after as many as the context alone has; no BOS; what is longer than the
// model loses tokens at its beginning. (The harness stops at a continuation that alone is longer; here its last tokens count.)
#pragma once

#include "supra/evaluate/characters.hpp"
#include "supra/evaluate/example.hpp"
#include "supra/io/tokenizer.hpp"
#include "supra/model/continuations.hpp"

namespace supra::evaluate {

struct encoded {
  std::vector<model::continuation> texts;           // of all requests, one example after another
  std::vector<std::int64_t> context, continuation;  // tokens, before anything was cut
  std::int64_t cut = 0;                             // requests that were too long
};

inline void add_request(encoded& all, const io::tokenizer& tokenizer, const request& r, std::int64_t max_length,
                        std::int32_t before_nothing) {
  const std::size_t space = trailing_space(r.context), kept = r.context.size() - space;
  const std::string context = r.context.substr(0, kept), both = r.context + r.continuation;
  std::vector<std::int32_t> ids = tokenizer.encode(both);
  std::size_t first = 0;
  if (kept > 0) first = std::min(tokenizer.encode(context).size(), ids.size());
  if (first == 0) ids.insert(ids.begin(), before_nothing), first = 1;
  const auto length = static_cast<std::int64_t>(ids.size()), from = static_cast<std::int64_t>(first);
  all.context.push_back(from), all.continuation.push_back(length - from);
  const std::int64_t over = std::max<std::int64_t>(0, length - (max_length + 1));
  all.cut += over > 0;
  ids.erase(ids.begin(), ids.begin() + over);
  all.texts.push_back({std::move(ids), std::max<std::int64_t>(1, from - over)});
}

// before_nothing: the token that stands where a context has none.
inline encoded encode(const io::tokenizer& tokenizer, const std::vector<example>& examples, std::int64_t max_length,
                      std::int32_t before_nothing) {
  encoded all;
  for (auto& e : examples)
    for (auto& r : e.requests) add_request(all, tokenizer, r, max_length, before_nothing);
  return all;
}

}  // namespace supra::evaluate
