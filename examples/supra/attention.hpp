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

// Every attention that the program knows: groups (attention_on.hpp) that a file each may compile, where one takes minutes.
enum class attention_group { paper, scaled, others, variants, turned_before };
template <attention_group G, class B>
void add_attention(model::attention_registry<B, scalar<B>>& r);

template <class B>
model::attention_registry<B, scalar<B>> program_attention() {
  model::attention_registry<B, scalar<B>> r;
  add_attention<attention_group::paper>(r), add_attention<attention_group::scaled>(r);
  add_attention<attention_group::others>(r), add_attention<attention_group::variants>(r);
  add_attention<attention_group::turned_before>(r);
  return r;
}

}  // namespace supra::program

// In the one file that calls for a backend's attention, where a build leaves its variants out (SUPRA_VARIANTS): models of them
// are refused by name.
#define SUPRA_NO_ATTENTION_GROUP(Backend, group) \
  template <> \
  inline void supra::program::add_attention<supra::program::attention_group::group, Backend>( \
      supra::model::attention_registry<Backend, supra::program::scalar<Backend>>&) {}
#define SUPRA_NO_VARIANTS(Backend) SUPRA_NO_ATTENTION_GROUP(Backend, variants) SUPRA_NO_ATTENTION_GROUP(Backend, turned_before)
