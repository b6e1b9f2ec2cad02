// Softmax attention of texts that share beginnings: the keys of a segment's tokens lie in its own rows and in those of the
// segments before it (model/prefix_tree.hpp).
#pragma once

#include "supra/layer/softmax_attention.hpp"
#include "supra/model/prefix_tree.hpp"

namespace supra::layer {

// One team a segment and query head. call.q, k, v, o: (rows, heads, d); its length is not read.
template <class T>
struct softmax_tree_kernel {
  softmax_call<T> call;
  const model::prefix_segment* segments;
  T* o;

  std::size_t scratch_bytes() const { return softmax_tile<T>::scratch_bytes(call.d); }
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t index) const {
    constexpr int block = softmax_call<T>::block;
    const std::int64_t own = index / call.heads;
    const auto s = segments[own];
    const int h = static_cast<int>(index % call.heads), g = h / call.group();
    const softmax_tile<T> queries(team, call);
    for (std::int64_t t = 0; t < s.rows; t += block) {
      const int n = call.size(t, s.rows);
      const auto q = call.rows(call.q, h, call.heads, s.first + t, n);
      const std::int64_t at = s.position + t;  // of the first query, in its text
      queries.begin(team, n);
      for (std::int64_t i = own; i >= 0; i = segments[i].parent) {
        const auto keys = segments[i];
        const std::int64_t end = i == own ? t + n : keys.rows, seen = call.first_key(at) - keys.position;
        for (std::int64_t j = seen > 0 ? seen / block * block : 0; j < end; j += block) {
          const int m = call.size(j, end);
          queries.meet(team, q, at, call.rows(call.k, g, call.kv_heads, keys.first + j, m),
                       call.rows(call.v, g, call.kv_heads, keys.first + j, m), keys.position + j);
        }
      }
      queries.end(team, n, h, s.first + t, o);
    }
  }
};

}  // namespace supra::layer
