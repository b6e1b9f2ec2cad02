// FNV-1a (Fowler, Noll, Vo) over words: tells one input from another, and protects from nothing but mistakes.
#pragma once

#include <cstdint>

namespace supra::io {

struct fingerprint {
  std::uint64_t value = 14695981039346656037u;
  void add(std::uint64_t word) { value = (value ^ word) * 1099511628211u; }
};

}  // namespace supra::io
