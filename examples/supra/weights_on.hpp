// A model's weights as generation reads them, on one backend.
#pragma once

#include "session.hpp"

namespace supra::program {

// How a transformer's own weights are stored.
template <class B>
inline constexpr const char* stored = sizeof(scalar<B>) < sizeof(real) ? "bf16" : "f32";

template <class B>
void check_weights(const std::string& kind) {
  io::need(kind.empty() || kind == stored<B> || on_host<B>(), "--weights ", kind,
           ": this backend computes on a device, which takes ", stored<B>,
           " alone; choose another --backend, or leave --weights out");
}

// The values given go once they are packed.
template <class B>
struct weights_on {
  using registry = model::attention_registry<B, scalar<B>>;
  std::string kind;
  std::int64_t bytes_f32;
  std::unique_ptr<model::transformer<B, scalar<B>>> whole;  // where they are not packed
  std::unique_ptr<model::decoder<B, scalar<B>>> decoder;
  weights_on(B& backend, const registry& compositions, std::vector<real> values, const model::config& c,
             const std::string& name)
      : kind(name.empty() ? stored<B> : name), bytes_f32(static_cast<std::int64_t>(values.size() * sizeof(real))) {
    if constexpr (on_host<B>()) {
      decoder = std::make_unique<model::packed_decoder<B>>(backend, c, compositions, values, layer::weight_kind_named(kind));
    } else {
      whole = std::make_unique<model::transformer<B, scalar<B>>>(backend, c, compositions), whole->load(values);
      decoder = std::make_unique<model::plain_decoder<B, scalar<B>>>(*whole);
    }
  }
  std::string size() const {
    const auto mb = [](std::int64_t n) { return static_cast<double>(n) / 1e6; };
    if (whole) return fmt::format("{}, {:.3g} MB with the float32 that they are rounded from", kind, mb(decoder->bytes()));
    return fmt::format("{}, {:.3g} MB instead of {:.3g} MB", kind, mb(decoder->bytes()), mb(bytes_f32));
  }
};

}  // namespace supra::program
