// convert and info: commands that compute nothing.
#include "session.hpp"

namespace supra::program {

void convert(const convert_options& o) {
  check_output(o.out);
  const auto m = io::open_model(o.model);
  std::unique_ptr<io::tokenizer> tokenizer;
  if (!o.tokenizer.empty() || carries_tokenizer(o.model)) tokenizer = tokenizer_for(o.tokenizer, o.model, m.config);
  io::folder_settings s{{}, io::existing::overwrite, io::model_format::hugging_face, folder_code()};
  if (!o.dtype.empty()) s.type = o.dtype == "bf16" ? io::dtype::bf16 : io::dtype::f32;
  if (o.format == "paper") s.format = io::model_format::paper;
  io::save_model(o.out, m, s);
  if (tokenizer) io::save_tokenizer(*tokenizer, o.out, io::existing::overwrite);
  const std::string dtype = o.dtype.empty() ? "as stored" : o.dtype;
  print_result({{"model", o.out}, {"from", m.kind}, {"dtype", dtype}, {"format", o.format}}, "");
}

void info(const info_options& o) {
  check_writable(o.json, "--json");
  const auto m = io::open_model(o.model);
  io::check_finite(m);
  const auto& c = m.config;
  json r{{"model", o.model},
         {"source", m.kind},
         {"attention", c.linear ? model::composition_name(c.attention) : "softmax"},
         {"parameters", m.layout.count()},
         {"vocab", c.vocab},
         {"dim", c.dim},
         {"layers", c.layers},
         {"heads", c.heads},
         {"kv_heads", c.kv_heads},
         {"head_dim", c.head_dim},
         {"hidden", c.hidden},
         {"max_length", c.max_length}};
  // float32 bytes that one sequence's memory takes
  const std::int64_t f = model::feature_width(c.attention.feature, c.head_dim),
                     e = c.head_dim + (c.attention.normalizer == "sum" ? 1 : 0);
  if (c.linear) r["state_bytes"] = 4 * c.layers * c.heads * f * e;
  for (std::int64_t k : {1, 16, 128})
    r[fmt::format("softmax_cache_bytes_at_{}k", k)] = 4 * 2 * c.layers * c.kv_heads * c.head_dim * k * 1024;
  print_result(r, o.json);
}

}  // namespace supra::program
