// The numbers that describe a Llama or Mistral transformer and, where its attention is linear, what that is composed of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace supra::model {

enum class norm_kind { rms, layer_gain };            // rms norm; layer norm with a gain and no bias (some SUPRA models)
// Learned linear map before the feature map: none, (heads*d -> heads*R), d -> R each; R is mapped_width().
enum class map_kind { none, dense, per_head };

// Scaling of the rotary frequencies (Hugging Face's rope_scaling); `none` leaves them as theta gives them.
struct rope_scaling {
  std::string kind = "none";                         // none, linear, llama3, yarn
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;   // the last two: llama3
  double original_length = 8192;                     // tokens that the model was first trained at
  double beta_fast = 32, beta_slow = 1;              // yarn
  double attention_factor = 0;                       // yarn: 0 means 0.1 ln(factor) + 1
};

inline constexpr std::int64_t most_maps = 3, most_window = std::int64_t{1} << 20;

// What replaces softmax attention. The four names are those of the stages' headers, and one more position: `rope_before`
// turns q and k before the map, as the teacher's are, scaling and all.
struct linear_attention_config {
  std::string feature = "relu", position = "rope", decay = "slopes", normalizer = "group_norm";
  map_kind map = map_kind::dense;
  bool shared_map = true;                            // q and k use one dense map; only where heads == kv_heads
  bool qk_norm = false;                              // norm over all heads' mapped features, after the map
  double decay_start = 0;                            // first slope of `slopes`; 0: 2^(-8/H)
  bool output_gate = false;                          // heads times 2 sigmoid(h Wg^T) before the output matrix
  std::int64_t map_depth = 1;                        // learned maps one after another, at most most_maps; relu between two
  double map_width = 1;                              // numbers of a head's row after each of them, over head_dim; 0.5 to 4
  std::int64_t window = 0;                           // last tokens that softmax sees beside it, at most most_window; 0: none
};

inline bool turns_before(const linear_attention_config& a) { return a.position == "rope_before"; }

// Shapes: q (heads, head_dim), k and v (kv_heads, head_dim); every length is a count of elements.
struct config {
  std::int64_t vocab = 0, dim = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, hidden = 0;
  std::int64_t max_length = 2048;                    // tokens the model was trained at
  std::int64_t sliding_window = 0;                   // softmax attention sees this many last tokens; 0: all
  double norm_eps = 1e-5, rope_theta = 1e4;          // rope is half split: readers permute rows of interleaved files
  rope_scaling scaling;
  norm_kind norm = norm_kind::rms;
  bool tied = true;                                  // the output matrix is the embedding
  bool attention_bias = false;                       // q, k, v projections have a bias (Qwen2)
  bool linear = false;                               // false: softmax attention (a teacher); true: `attention` tells
  linear_attention_config attention;
  std::int64_t bos = 1, eos = 2;                     // token ids; -1: none
  std::vector<std::int64_t> more_eos;                // that end a text too: a chat model's end of a turn
};

// R: numbers of a head's row of q and k that the feature map sees, after the learned maps.
inline std::int64_t mapped_width(const config& c) {
  return std::llround(c.attention.map_width * static_cast<double>(c.head_dim));
}

// Whether softmax attention over a window stands beside the linear attention (attention_half.hpp).
inline bool is_hybrid(const config& c) { return c.linear && c.attention.window > 0; }

// Whether a text ends at `token`: at a token of its end, or where the next text begins.
inline bool ends_text(const config& c, std::int64_t token) {
  return token == c.eos || token == c.bos || std::ranges::find(c.more_eos, token) != c.more_eos.end();
}

// Throws std::invalid_argument with a sentence when the numbers contradict each other.
inline void check(const config& c) {
  auto need = [](bool ok, const std::string& what) {
    if (!ok) throw std::invalid_argument("model configuration: " + what);
  };
  auto positive = [&](std::int64_t v, const char* name) {
    need(v > 0 && v < (std::int64_t{1} << 31), std::string(name) + " must be from 1 to 2^31-1, found " + std::to_string(v));
  };
  positive(c.vocab, "vocab"), positive(c.dim, "dim"), positive(c.layers, "layers"), positive(c.heads, "heads");
  positive(c.kv_heads, "kv_heads"), positive(c.head_dim, "head_dim"), positive(c.hidden, "hidden"),
      positive(c.max_length, "max_length");
  for (const auto& [token, name] : {std::pair{c.bos, "bos"}, {c.eos, "eos"}})
    need(token >= -1 && token < c.vocab, std::string(name) + " must be a token below vocab (" + std::to_string(c.vocab) +
                                             ") or -1 for none, found " + std::to_string(token));
  for (auto token : c.more_eos)
    need(c.eos >= 0 && token >= 0 && token < c.vocab, "each of several eos must be a token below vocab (" +
                                                          std::to_string(c.vocab) + "), found " + std::to_string(token));
  need(c.heads % c.kv_heads == 0,
       "heads (" + std::to_string(c.heads) + ") must be a multiple of kv_heads (" + std::to_string(c.kv_heads) + ")");
  need(c.head_dim % 2 == 0, "head_dim must be even for rotary positions, found " + std::to_string(c.head_dim));
  need(c.sliding_window >= 0, "sliding_window must not be negative, found " + std::to_string(c.sliding_window));
  need(c.norm_eps >= 0 && c.norm_eps < 1, "norm_eps must be in [0, 1), found " + std::to_string(c.norm_eps));
  need(c.rope_theta > 1 && c.rope_theta < 1e30, "rope_theta must be above 1 and finite, found " + std::to_string(c.rope_theta));
  const auto& a = c.attention;
  need(c.linear || a.window == 0, "window stands beside linear attention, and this model's is softmax, which has "
                                  "sliding_window; found " + std::to_string(a.window));
  if (!c.linear) return;
  need(a.window >= 0 && a.window <= most_window, "window must be from 0 (none) to " + std::to_string(most_window) +
                                                     " tokens, found " + std::to_string(a.window));
  if (a.shared_map && a.map == map_kind::dense)
    need(c.heads == c.kv_heads, "one map shared by q and k needs as many kv_heads as heads");
  need(a.map_depth >= 1 && a.map_depth <= most_maps,
       "map_depth must be from 1 to " + std::to_string(most_maps) + ", found " + std::to_string(a.map_depth));
  need(a.map_width >= 0.5 && a.map_width <= 4, "map_width must be from 0.5 to 4, found " + std::to_string(a.map_width));
  need(a.map != map_kind::none || (a.map_depth == 1 && a.map_width == 1),
       "map_depth and map_width are of learned maps, and there is none; choose the map dense or per_head");
  const double width = a.map_width * static_cast<double>(c.head_dim);
  need(std::abs(width - static_cast<double>(mapped_width(c))) < 1e-6 && mapped_width(c) % 2 == 0,
       "map_width times head_dim (" + std::to_string(c.head_dim) + ") must be an even number, found " + std::to_string(width));
}

}  // namespace supra::model
