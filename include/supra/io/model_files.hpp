// A model in safetensors files of any layout: where each of its parameters lies, all of them checked against the configuration
// when the files are opened, and read a piece at a time or together.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "supra/io/safetensors_folder.hpp"
#include "supra/io/weights.hpp"

namespace supra::io {

// Elements from `first` on of a tensor. Where rotary positions turn neighbours there, `paired` is the width of a head, whose rows
// change places (neighbours_row). 0: rows stand as here.
struct tensor_place {
  std::string name;
  std::vector<std::int64_t> shape;  // of the whole tensor
  std::int64_t first = 0, paired = 0;
};

// A model whose parameters are read as they are wanted, so that one larger than memory can be converted.
struct model_source {
  model::config config;
  std::string kind, where;  // what it is, in words; the file or folder
  model::parameter_layout layout;
  std::function<void(std::size_t i, std::int64_t first, std::span<double> to)>
      read;  // of parameter i, elements from `first` on
  std::function<dtype(std::size_t i)> stored;
};

inline constexpr std::int64_t piece_elements = 1 << 16;

// f(first, count) for a tensor's pieces in their order.
template <class F>
void in_pieces(std::int64_t size, F&& f) {
  for (std::int64_t first = 0; first < size; first += piece_elements) f(first, std::min(piece_elements, size - first));
}

// Throws unless every number is finite; needs memory for a piece.
inline void check_finite(const model_source& m) {
  std::vector<double> room(static_cast<std::size_t>(piece_elements));
  for (std::size_t i = 0; i < m.layout.tensors().size(); ++i) {
    const auto& t = m.layout.tensors()[i];
    in_pieces(t.size, [&](std::int64_t first, std::int64_t count) {
      const auto values = std::span(room).first(static_cast<std::size_t>(count));
      m.read(i, first, values);
      check_finite<double>(values, m.where, t.name, first);
    });
  }
}

// Throws unless the output matrix that a file of a tied model holds too is the embedding; `key` ties them.
inline void check_tied(const safetensors_folder& weights, const std::string& key, const std::string& output,
                       const std::string& embedding) {
  const auto a = weights.bytes(output), b = weights.bytes(embedding);
  need(a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0, weights.where(), ": ", key, " is true, but ",
       output, " is not ", embedding, "; set it to false in the configuration to use both");
}

class model_files {
 public:
  // `by`: what the places follow from, in words. Tensors without a place are refused, but for those that `harmless` passes
  // over.
  model_files(const model::config& c, std::string kind, safetensors_folder files, std::vector<tensor_place> of_parameters,
              const std::string& by, const std::function<bool(const std::string&)>& harmless)
      : config(c), kind(std::move(kind)), layout(c), weights(std::move(files)), places(std::move(of_parameters)) {
    std::set<std::string> known;
    std::vector<std::string> missing, unknown;
    for (auto& p : places)
      if (known.insert(p.name).second && !weights.has(p.name)) missing.push_back(p.name);
    need(missing.empty(), weights.where(), ": by ", by, " these tensors must be there and are not: ", list_text(missing));
    for (auto& name : weights.names())
      if (!known.count(name) && !harmless(name)) unknown.push_back(name);
    need(unknown.empty(), weights.where(), ": by ", by, " these tensors have no place in the model: ", list_text(unknown));
    for (auto& p : places)
      need(weights.shape(p.name) == p.shape, weights.where(), ": tensor ", in_quotes(p.name), " has shape ",
           shape_text(weights.shape(p.name)), ", by ", by, " it must be ", shape_text(p.shape));
  }

  // `to.size()` elements of parameter i, in the layout's order, from `first` on.
  template <class T>
  void read(std::size_t i, std::int64_t first, std::span<T> to) const {
    const auto& p = places[i];
    if (p.paired == 0) return weights.read_part(p.name, p.first + first, to);
    const std::int64_t width = layout.tensors()[i].shape.back(), d = p.paired,
                       end = first + static_cast<std::int64_t>(to.size());
    for (std::int64_t at = first; at < end;) {
      const std::int64_t row = at / width, n = std::min(end, (row + 1) * width) - at;
      weights.read_part(p.name, p.first + neighbours_row(row, d) * width + at % width,
                        to.subspan(static_cast<std::size_t>(at - first), static_cast<std::size_t>(n)));
      at += n;
    }
  }
  dtype stored(std::size_t i) const { return weights.type(places[i].name); }

  template <class T>
  loaded<T> load() const {
    loaded<T> m{config, room_for<T>(layout), kind};
    for (std::size_t i = 0; i < layout.tensors().size(); ++i) {
      const auto values = part_of(std::span<T>(m.values), layout.tensors()[i]);
      read(i, 0, values);
      check_finite<T>(values, weights.file_of(places[i].name).where(), layout.tensors()[i].name);
    }
    return m;
  }

  model::config config;
  std::string kind;
  model::parameter_layout layout;
  safetensors_folder weights;
  std::vector<tensor_place> places;
};

inline model_source source_of(model_files files) {
  const auto kept = std::make_shared<const model_files>(std::move(files));
  return {kept->config,
          kept->kind,
          kept->weights.where(),
          kept->layout,
          [kept](std::size_t i, std::int64_t first, std::span<double> to) { kept->read(i, first, to); },
          [kept](std::size_t i) { return kept->stored(i); }};
}

// A model that is in memory already.
template <class T>
model_source source_of(loaded<T> m, const std::string& where) {
  const auto kept = std::make_shared<const loaded<T>>(std::move(m));
  const model::parameter_layout layout(kept->config);
  return {kept->config,
          kept->source,
          where,
          layout,
          [kept, layout](std::size_t i, std::int64_t first, std::span<double> to) {
            const T* from = kept->values.data() + layout.tensors()[i].offset + first;
            std::copy_n(from, to.size(), to.begin());
          },
          [](std::size_t) { return sizeof(T) == 8 ? dtype::f64 : dtype::f32; }};
}

}  // namespace supra::io
