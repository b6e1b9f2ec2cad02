// What a backend's models are stored as, and the attention compositions that the program has for it. Compiled apart from the
// commands: they take the compiler longest, and depend on nothing of them.
#pragma once

#include "supra/model/compositions.hpp"

namespace supra::program {

using real = float;  // what files, logits and losses are kept in
// What a model's activations and matrices are stored as on a backend: real, unless the backend says what suits it.
template <class B>
struct storage_on {
  using type = real;
};
template <class B>
requires requires { typename B::storage; }
struct storage_on<B> {
  using type = typename B::storage;
};
template <class B>
using scalar = typename storage_on<B>::type;

// Every attention that the program knows (attention_on.hpp).
template <class B>
model::attention_registry<B, scalar<B>> program_attention();

}  // namespace supra::program
