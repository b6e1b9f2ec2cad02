// What a task asks of a model, whatever file it came from: texts, and which of them is right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace supra::evaluate {

// Asked for: the log-probability of the continuation after the context.
struct request {
  std::string context, continuation;
};

struct example {
  std::int64_t gold = 0;  // the request that is right
  std::vector<request> requests;
  std::vector<std::int64_t> characters;  // of each choice, by which acc_norm divides; empty: not asked for
};

}  // namespace supra::evaluate
