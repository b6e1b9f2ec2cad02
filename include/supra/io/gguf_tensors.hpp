// The tensors that a GGUF file announces, and where each lies: one after another from the data's start, each at a multiple of
// the alignment.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "supra/io/gguf_cursor.hpp"
#include "supra/io/gguf_type.hpp"

namespace supra::io {

struct gguf_tensor {
  gguf_type type = gguf_type::f32;
  std::int64_t rows = 1, columns = 1;  // columns: the format's first length, of neighbours
  std::vector<std::int64_t> shape;     // in our order, columns last
  std::uint64_t begin = 0, end = 0;    // bytes, from the data's start
  std::int64_t elements() const { return rows * columns; }
  std::int64_t row_bytes() const { return columns / info(type).elements * info(type).bytes; }
};
using gguf_tensors = std::map<std::string_view, gguf_tensor>;  // names are the file's bytes

namespace detail {

// One tensor at the cursor, its name read; `where` names the file and the tensor.
inline gguf_tensor read_gguf_tensor(gguf_cursor& from, std::uint64_t alignment, const std::string& where) {
  gguf_tensor t;
  const auto dimensions = from.number<std::uint32_t>("a count of lengths");
  need(dimensions >= 1 && dimensions <= 4, where, " must have 1 to 4 lengths, found ", dimensions);
  std::int64_t elements = 1;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto n = from.number<std::uint64_t>("a length");
    const bool fits =
        n > 0 && n < (std::uint64_t{1} << 62) && !__builtin_mul_overflow(elements, static_cast<std::int64_t>(n), &elements);
    need(fits && elements < (std::int64_t{1} << 59), where, " cannot have a length of ", n, i ? " after the others" : "");
    t.shape.insert(t.shape.begin(), static_cast<std::int64_t>(n));
  }
  t.columns = t.shape.back(), t.rows = elements / t.columns;
  const auto type = from.number<std::uint32_t>("a type");
  need(type < std::size(gguf_types) && gguf_types[type].elements > 0, where, " is ", gguf_type_text(type),
       ", which is not supported; ", readable_gguf_types(), " are");
  t.type = static_cast<gguf_type>(type);
  need(t.columns % info(t.type).elements == 0, where, " has rows of ", t.columns, " elements, and ", info(t.type).name,
       " stores blocks of ", info(t.type).elements);
  t.begin = from.number<std::uint64_t>("a place");
  need(t.begin % alignment == 0, where, " starts at byte ", t.begin, ", which is not a multiple of the alignment ", alignment);
  need(!__builtin_add_overflow(t.begin, static_cast<std::uint64_t>(t.rows * t.row_bytes()), &t.end), where, " starts at byte ",
       t.begin, ", which is past the end");
  return t;
}

// Tensors cover the data once: between them, and after the last, only what fills up to the alignment.
inline void check_gguf_places(const gguf_tensors& tensors, std::uint64_t size, std::uint64_t alignment,
                              const std::string& where) {
  std::vector<const gguf_tensors::value_type*> order;
  for (auto& t : tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->second.begin < b->second.begin; });
  std::uint64_t reached = 0;
  auto padded = [&] { return (reached + alignment - 1) / alignment * alignment; };
  for (auto* o : order) {
    const auto& [name, t] = *o;
    need(t.end <= size, where, ": tensor ", in_quotes(name), " of shape ", shape_text(t.shape), " and type ", info(t.type).name,
         " lies at bytes ", t.begin, " to ", t.end, " of ", size, " bytes of data");
    need(t.begin == padded(), where, ": tensor ", in_quotes(name), " starts at byte ", t.begin,
         t.begin < padded() ? " and overlaps" : " and leaves a hole after", " the one that ends at ", reached);
    reached = t.end;
  }
  need(size <= padded(), where, ": ", size - std::min(size, reached), " bytes follow the last tensor");
}

}  // namespace detail

}  // namespace supra::io
