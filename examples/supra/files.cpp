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
  add_memory(r, c);
  print_result(r, o.json);
}

}  // namespace supra::program
