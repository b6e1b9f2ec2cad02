// The settings that an experiment's file may give: flags of uptrain, and what they may be.
#include <algorithm>
#include <optional>
#include <variant>

#include "file.hpp"

namespace supra::program::experiments {
namespace {

using place = std::variant<std::string uptrain_options::*, bool uptrain_options::*, double uptrain_options::*,
                           std::int64_t uptrain_options::*, std::vector<std::int64_t> uptrain_options::*,
                           std::int64_t training_options::*, double training_options::*,
                           std::optional<double> training_options::*, std::optional<double> uptrain_options::*>;
struct setting {
  const char* name;
  place at;
  double least = 1, most = 1e30;  // of a number
};
constexpr double above_zero = 1e-30;

const std::vector<setting>& settings() {
  using t = training_options;
  using u = uptrain_options;
  static const std::vector<setting> all = {{"attention", &u::attention},
                                           {"kv_heads", &u::kv_heads, 1, 65536},
                                           {"recipe", &u::recipe},
                                           {"tokens", &t::tokens},
                                           {"seq", &t::seq},
                                           {"batch", &t::batch},
                                           {"accumulate", &t::accumulate},
                                           {"lr", &t::lr, above_zero},
                                           {"lr_scratch", &u::lr_scratch, above_zero, 10},
                                           {"weight_decay", &t::weight_decay, 0},
                                           {"clip", &t::clip, above_zero},
                                           {"z_loss", &t::z_loss, 0},
                                           {"held_out", &t::held_out, 0, 0.9},
                                           {"evaluate_windows", &t::evaluate_windows},
                                           {"evaluate_at", &u::evaluate_at},
                                           {"checkpoint_every", &t::checkpoint_every},
                                           {"fit_tokens", &u::fit_tokens},
                                           {"transfer_share", &u::transfer_share, 0, 0.95},
                                           {"kl", &u::kl, 0},
                                           {"ce", &u::ce, 0},
                                           {"window_dropout", &u::window_dropout, 0, 1},
                                           {"sampled", &u::sampled},
                                           {"scratch", &u::scratch}};
  return all;
}

double in_range(const setting& s, double x, const io::fields& f) {
  io::need(x >= s.least && x <= s.most, f.where(), ": ", io::in_quotes(s.name), " must be ",
           s.least == above_zero ? "above 0" : io::sentence("from ", s.least),
           s.most < 1e30 ? io::sentence(" to ", s.most) : "", ", found ", x);
  return x;
}
std::int64_t count(const setting& s, const io::fields& f) {
  const std::int64_t n = f.integer(s.name);
  in_range(s, static_cast<double>(n), f);
  return n;
}

struct reader {
  const setting& s;
  const io::fields& f;
  uptrain_options& to;
  void operator()(std::string uptrain_options::*at) const { to.*at = f.text(s.name, ""); }
  void operator()(bool uptrain_options::*at) const { to.*at = f.flag(s.name, false); }
  void operator()(double uptrain_options::*at) const { to.*at = in_range(s, f.number(s.name, 0), f); }
  void operator()(std::int64_t uptrain_options::*at) const { to.*at = count(s, f); }
  void operator()(std::int64_t training_options::*at) const { to.train.*at = count(s, f); }
  void operator()(double training_options::*at) const { to.train.*at = in_range(s, f.number(s.name, 0), f); }
  void operator()(std::optional<double> training_options::*at) const { to.train.*at = in_range(s, f.number(s.name, 0), f); }
  void operator()(std::optional<double> uptrain_options::*at) const { to.*at = in_range(s, f.number(s.name, 0), f); }
  void operator()(std::vector<std::int64_t> uptrain_options::*at) const {
    const io::json& list = f.at(s.name);
    io::need(list.is_array() && std::ranges::all_of(list, [](auto& x) { return x.is_number_unsigned(); }), f.where(), ": ",
             io::in_quotes(s.name), " must be a list of counts of tokens");
    to.*at = list.get<std::vector<std::int64_t>>();
  }
};

}  // namespace

uptrain_options uptrain_of(const json& given, const std::string& where) {
  const io::json plain = given;
  const io::fields f(plain, where);
  uptrain_options o;
  std::string known;
  std::set<std::string> left;
  for (auto& [key, value] : plain.items()) left.insert(key);
  for (auto& s : settings()) {
    known += std::string(known.empty() ? "" : ", ") + s.name;
    left.erase(s.name);
    if (f.has(s.name)) std::visit(reader{s, f, o}, s.at);
  }
  io::need(left.empty(), where, ": the setting ", left.empty() ? "" : io::in_quotes(*left.begin()), " is not known; known are ",
           known, " (uptrain's flags, with _ for -)");
  return o;
}

}  // namespace supra::program::experiments
