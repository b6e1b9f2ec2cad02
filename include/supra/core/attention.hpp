// What a linear attention is given and what it gives: shapes, strides, sequences, states, and an interface that hides which
// stages it is composed of.
//   H query heads, G key and value heads (G divides H: query head h reads key head h / (H/G)), d width of q and k, F of their
//   mapped rows, e of v, E = e plus one where the normalizer wants the denominator.
// T is the storage type, A = accumulator_t<T> the type of states, parameters and saved numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "supra/core/types.hpp"

namespace supra {

// Rows of a (tokens, heads, width) tensor; the features of a row are contiguous. Strides in elements. view.hpp makes them of
// views that lie elsewhere.
template <class T>
struct strided {
  T* data = nullptr;
  std::int64_t token = 0, head = 0;
  SUPRA_INLINE T* row(std::int64_t t, std::int64_t h) const { return data + t * token + h * head; }
  // The same rows from token t on, of one head.
  SUPRA_INLINE strided from(std::int64_t t, std::int64_t h) const { return {row(t, h), token, 0}; }
  SUPRA_INLINE T* row(int r) const { return data + r * token; }
  bool aligned(int bytes) const {  // every row begins at a multiple of so many
    const auto fits = [&](std::int64_t x) { return x * static_cast<std::int64_t>(sizeof(T)) % bytes == 0; };
    return reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(bytes) == 0 && fits(token) && fits(head);
  }
  SUPRA_INLINE operator strided<const T>() const  // what is written may be read
      requires(!std::is_const_v<T>) {
    return {data, token, head};
  }
};
template <class T>
SUPRA_FN strided<T> dense(T* data, std::int64_t heads, std::int64_t width) {
  return {data, heads * width, width};
}

// Which tokens belong together. Uniform: `count` sequences of `length` tokens one after another. Packed or padded: sequence s
// is tokens begin[s] .. end[s]-1 (for cu_seqlens: begin = cu_seqlens, end = cu_seqlens + 1); tokens outside any sequence are
// padding: neither read nor written. Arrays lie in the backend's memory. position[s] is the absolute position of the first
// token.
struct sequences {
  std::int64_t count = 0, length = 0;
  const std::int64_t* begin = nullptr;
  const std::int64_t* end = nullptr;
  const std::int64_t* position = nullptr;  // none: 0
  SUPRA_FN std::int64_t first(std::int64_t s) const { return begin ? begin[s] : s * length; }
  SUPRA_FN std::int64_t tokens(std::int64_t s) const { return begin ? end[s] - begin[s] : length; }
  SUPRA_FN std::int64_t start(std::int64_t s) const { return position ? position[s] : 0; }
};

struct attention_shape {
  std::int64_t tokens = 0;  // rows of every tensor, all sequences together
  int heads = 0, kv_heads = 0, d = 0, e = 0;
  int chunk = 64;  // tokens a step of the walk takes; any number from 1
};

template <class T>
struct attention_inputs {
  using A = accumulator_t<T>;
  strided<const T> q, k, v;      // (tokens, H, d), (tokens, G, d), (tokens, G, e)
  const A* decay = nullptr;      // learned: (H); per token: (tokens, H); what the schedule takes. Else unused
  const A* feature_q = nullptr;  // the feature map's own parameters: (H, P), (G, P)
  const A* feature_k = nullptr;
  const A* normalizer = nullptr;     // (H, P)
  const A* initial_state = nullptr;  // (count, H, F, E); none: zero
};

template <class T>
struct attention_outputs {
  using A = accumulator_t<T>;
  strided<T> o;              // (tokens, H, e), normalized
  A* saved = nullptr;        // (tokens, H, saved numbers); none: not kept, no backward afterwards
  A* final_state = nullptr;  // (count, H, F, E); none: not wanted
};

// Given: the forward's output, its saved numbers, the gradient of the output. Wanted: gradients, each overwritten; a null
// pointer is not wanted (dq, dk, dv always are).
template <class T>
struct attention_gradients {
  using A = accumulator_t<T>;
  strided<const T> o, d_o;
  const A* saved = nullptr;
  const A* d_final_state = nullptr;  // none: zero
  strided<T> dq, dk, dv;
  A* d_initial_state = nullptr;
  A* d_decay = nullptr;  // as attention_inputs::decay
  A* d_feature_q = nullptr;
  A* d_feature_k = nullptr;
  A* d_normalizer = nullptr;
};

// The numbers that a composition gives rise to.
struct attention_widths {
  int features = 0, state_columns = 0, saved = 0;         // F, E, numbers saved per row
  int feature_parameters = 0, normalizer_parameters = 0;  // per head
  bool decay_learned = false, decay_per_token = false;
};

// Any composition on one backend and storage type, so that a model's code is compiled once for all of them.
template <class B, class T>
class any_attention {
 public:
  virtual ~any_attention() = default;
  virtual attention_widths widths(int d, int e) const = 0;
  virtual void forward(B&, const attention_shape&, const sequences&, const attention_inputs<T>&,
                       const attention_outputs<T>&) = 0;
  virtual void backward(B&, const attention_shape&, const sequences&, const attention_inputs<T>&,
                        const attention_gradients<T>&) = 0;
  // One token for each sequence, in the recurrent form; the state (count, H, F, E) is read and overwritten.
  // inputs.initial_state is ignored; row s of the tensors belongs to sequence s; position (count) in the backend's memory,
  // none: 0.
  virtual void step(B&, const attention_shape&, std::int64_t count, const std::int64_t* position, const attention_inputs<T>&,
                    accumulator_t<T>* state, strided<T> o) = 0;
  // The feature map alone on n rows of `heads` heads, where something stands between it and the position (qk-norm).
  virtual void map(B&, std::int64_t n, int heads, int d, strided<const T> x, const accumulator_t<T>* parameters,
                   strided<T> y) = 0;
  virtual void map_vjp(B&, std::int64_t n, int heads, int d, strided<const T> x, const accumulator_t<T>* parameters,
                       strided<const T> dy, strided<T> dx, accumulator_t<T>* d_parameters) = 0;
};

}  // namespace supra
