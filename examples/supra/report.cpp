// Log -> run (what the page needs of it) -> sections -> page. Losses are nats per token.
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "supra/io/file_out.hpp"
#include "supra/io/mapped_file.hpp"

namespace supra::program {
namespace {

using record = nlohmann::ordered_json;
const double missing = std::numeric_limits<double>::quiet_NaN();
bool there(double x) { return std::isfinite(x); }

// --- Text. Samples come out of models that emit bytes, so anything may be in them.

// Length of the UTF-8 character at the front, 0 where it is broken; `code` is its code point.
std::size_t utf8_length(std::string_view s, char32_t& code) {
  const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const unsigned first = byte(0);
  const std::size_t n = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (n < 2) return code = first, n;
  code = first & (0x7fu >> n);
  for (std::size_t i = 1; i < n; ++i) {
    if (byte(i) >> 6 != 2) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  const char32_t least[] = {0x80, 0x800, 0x10000};
  return code < least[n - 2] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

// Characters that would not be seen as such: controls, and marks that turn the direction of the page's own text around.
std::string visible(std::string_view raw, char32_t code) {
  if (code == '\n' || code == '\t') return std::string(raw);
  if (code < 0x20) return {'\xe2', '\x90', static_cast<char>(0x80 + code)};    // its picture, U+2400 and on
  const bool control = code >= 0x7f && code < 0xa0;
  const bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  const bool unseen = control || turns || (code & 0xfffe) == 0xfffe;
  return unseen ? "\xef\xbf\xbd" : std::string(raw);
}

template <class Write>
std::string each_character(std::string_view s, Write write) {
  std::string out;
  while (!s.empty()) {
    char32_t code = 0;
    const std::size_t n = utf8_length(s, code);
    out += n ? write(s.substr(0, n), code) : "\xef\xbf\xbd";
    s.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return out;
}

std::string valid_utf8(std::string_view s) {
  return each_character(s, [](std::string_view raw, char32_t) { return std::string(raw); });
}

std::string escape(std::string_view s) {
  return each_character(s, [](std::string_view raw, char32_t code) -> std::string {
    switch (code) {
      case '&': return "&amp;";
      case '<': return "&lt;";
      case '>': return "&gt;";
      case '"': return "&quot;";
      case '\'': return "&#39;";
      default: return visible(raw, code);
    }
  });
}

// --- Numbers as people write them.

std::string trimmed(double x) {                                                  // three digits: 1.5, 12, 0.031
  return fmt::format("{:.3g}", x);
}
std::string scaled(double x, double base, std::initializer_list<const char*> units) {
  auto unit = units.begin();
  while (std::abs(x) >= base * 0.9995 && unit + 1 != units.end()) x /= base, ++unit;
  const int digits = std::abs(x) >= 99.95 ? 0 : std::abs(x) >= 9.995 ? 1 : 2;
  std::string s = fmt::format("{:.{}f}", x, digits);
  if (s.find('.') != s.npos) s.erase(s.find_last_not_of('0') + 1);
  if (s.back() == '.') s.pop_back();
  return s + *unit;
}
std::string count_text(double n) { return there(n) ? scaled(n, 1000, {"", "k", "M", "B", "T"}) : "–"; }
std::string bytes_text(double n) { return there(n) ? scaled(n, 1000, {" B", " kB", " MB", " GB", " TB"}) : "–"; }
std::string loss_text(double x) { return there(x) ? fmt::format("{:.3f}", x) : "–"; }
std::string perplexity_text(double loss) { return loss < 20 ? scaled(std::exp(loss), 1e4, {"", "e4", "e8"}) : "very large"; }
std::string percent_text(double share) {
  const double p = 100 * share;
  return fmt::format("{:.{}f}%", p, std::abs(p) < 9.95 ? 1 : 0);
}
std::string short_time_text(double s) {
  if (!there(s)) return "–";
  return s < 1 ? scaled(s * 1e9, 1000, {" ns", " µs", " ms"}) : scaled(s, 1e9, {" s"});
}
std::string time_text(double seconds) {
  if (!there(seconds) || std::abs(seconds) > 1e12) return "–";
  const auto s = std::llround(seconds);
  if (s < 120) return fmt::format("{} s", s);
  return s < 7200 ? fmt::format("{} min {:02} s", s / 60, s % 60) : fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

// --- The log.

double number(const record& r, const char* key) {
  const auto it = r.find(key);
  if (it == r.end() || !it->is_number()) return missing;
  const double x = it->get<double>();
  return std::abs(x) < 1e300 ? x : missing;
}
std::string text(const record& r, const char* key) {
  const auto it = r.find(key);
  return it != r.end() && it->is_string() ? it->get<std::string>() : "";
}
std::vector<double> numbers(const record& r, const char* key) {
  std::vector<double> out;
  if (const auto it = r.find(key); it != r.end() && it->is_array())
    for (const auto& x : *it) out.push_back(x.is_number() ? x.get<double>() : missing);
  return out;
}

struct step { double number, tokens, loss, lr, grad_norm, speed; };
struct evaluation { std::string phase, model, tag; double tokens, loss; };
struct sample { std::string model, text; };
struct growth { std::vector<double> tokens, bytes, seconds; };

struct run {
  record start = record::object(), result;                                        // result: null until the run has ended
  std::map<std::string, std::vector<step>> steps;                                 // by phase
  std::vector<evaluation> evaluations;
  double entropy = missing;
  std::vector<std::pair<std::string, std::vector<sample>>> samples;               // by prompt
  std::map<std::string, growth> growths;                                          // by model
  std::size_t broken = 0;                                                         // lines that were no JSON objects

  // The result's number; before the end, the last evaluation of that kind.
  double loss(const char* key, std::string_view model, std::string_view tag) const {
    if (result.is_object() && result.contains(key)) return number(result, key);
    for (auto e = evaluations.rbegin(); e != evaluations.rend(); ++e)
      if (e->model == model && (tag.empty() || e->tag == tag)) return e->loss;
    return missing;
  }
  double teacher() const { return loss("teacher_loss", "teacher", ""); }
  double student() const {
    if (result.is_object()) return number(result, "student_loss");
    for (auto e = evaluations.rbegin(); e != evaluations.rend(); ++e)
      if (e->model == "student" && e->tag != "swap" && e->tag != "fit") return e->loss;
    return missing;
  }
  double scratch() const { return loss("scratch_loss", "scratch", ""); }
  // The share of what the teacher has ahead of the same shape trained from scratch.
  double recovered() const {
    if (const double r = result.is_object() ? number(result, "recovered") : missing; there(r)) return r;
    const double gap = scratch() - teacher();
    return gap > 0 ? (scratch() - student()) / gap : missing;
  }
};

// A run that was resumed repeats steps and evaluations: what comes later replaces.
void add_step(run& r, const record& line) {
  auto& steps = r.steps[text(line, "phase")];
  const step s{number(line, "step"), number(line, "tokens"),    number(line, "loss"),
               number(line, "lr"),   number(line, "grad_norm"), number(line, "tokens_per_second")};
  if (!there(s.number) || !there(s.tokens)) return;
  while (!steps.empty() && steps.back().number >= s.number) steps.pop_back();
  steps.push_back(s);
}
void add_evaluation(run& r, const record& line) {
  const evaluation e{text(line, "phase"), text(line, "model"), text(line, "tag"), number(line, "tokens"), number(line, "loss")};
  std::erase_if(r.evaluations, [&](const evaluation& old) {
    return old.phase == e.phase && old.model == e.model && old.tag == e.tag && (old.tokens == e.tokens || !there(e.tokens));
  });
  r.evaluations.push_back(e);
}
void add_sample(run& r, const record& line) {
  const std::string prompt = text(line, "prompt");
  auto at = std::find_if(r.samples.begin(), r.samples.end(), [&](const auto& s) { return s.first == prompt; });
  if (at == r.samples.end()) at = r.samples.insert(at, {prompt, {}});
  std::erase_if(at->second, [&](const sample& s) { return s.model == text(line, "model"); });
  at->second.push_back({text(line, "model"), text(line, "text")});
}

void add(run& r, const record& line) {
  const std::string event = text(line, "event");
  if (event == "start") r.start.update(line);
  if (event == "step") add_step(r, line);
  if (event == "eval") add_evaluation(r, line);
  if (event == "entropy") r.entropy = number(line, "nats_per_token");
  if (event == "sample") add_sample(r, line);
  if (event == "growth")
    r.growths[text(line, "model")] = {numbers(line, "tokens"), numbers(line, "state_bytes"),
                                      numbers(line, "seconds_per_token")};
  if (event == "result") r.result = line;
}

run read_log(const std::string& path) {
  const io::mapped_file file(path);
  const auto bytes = file.bytes();
  std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto shallow = [](int depth, record::parse_event_t, record&) { return depth < 32; };
  run r;
  while (!all.empty()) {
    const std::size_t end = std::min(all.find('\n'), all.size());
    const std::string line = valid_utf8(all.substr(0, end));
    all.remove_prefix(std::min(end + 1, all.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const record parsed = record::parse(line, shallow, false);
    if (parsed.is_object()) add(r, parsed);
    else ++r.broken;
  }
  return r;
}

// --- Charts.

struct point { double x, y; };
using points = std::vector<point>;

struct axis {
  std::string label;
  bool log = false;
  std::string (*text)(double) = trimmed;
  const char* unit = "";                                                          // how the page's script writes a number
  double low = 0, high = 1;
  double place(double v) const { return log ? std::log(v / low) / std::log(high / low) : (v - low) / (high - low); }
};

struct series { std::string name, look; points at; bool dots = false; std::vector<std::string> labels = {}; };
struct level { std::string name, look; double y; };

struct chart {
  std::string title, note;
  axis x, y;
  std::vector<series> lines;
  std::vector<level> levels = {};
  double width = 920, height = 340;
  bool from_zero = false;
};

// Steps of 1, 2 or 5 times a power of ten.
std::vector<double> linear_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / wanted, power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
  std::vector<double> out;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) out.push_back(i == 0 ? 0 : i * step);
  return out;
}
std::vector<double> log_ticks(double low, double high, int wanted) {
  const double decades = std::log10(high / low);
  if (decades < 0.5) return linear_ticks(low, high, wanted);
  std::vector<double> within = {1};
  if (decades < 3.5) within = {1, 2, 5};
  if (decades < 1.4) within = {1, 1.5, 2, 3, 4, 5, 7};
  const int every = std::max(1, static_cast<int>(std::ceil(decades / (wanted + 2))));
  std::vector<double> out;
  for (int p = static_cast<int>(std::floor(std::log10(low))); p <= std::log10(high); p += every)
    for (const double m : within)
      if (const double v = m * std::pow(10, p); v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9)) out.push_back(v);
  return out;
}
std::vector<double> ticks(const axis& a, int wanted) {
  return a.log ? log_ticks(a.low, a.high, wanted) : linear_ticks(a.low, a.high, wanted);
}

bool drawable(const axis& a, double v) { return there(v) && (!a.log || v > 0); }
bool drawable(const chart& c, const point& p) { return drawable(c.x, p.x) && drawable(c.y, p.y); }

// The range of what is drawn, with room at the ends; false where nothing is.
bool fit_axis(axis& a, std::vector<double> values, double room) {
  std::erase_if(values, [&](double v) { return !drawable(a, v); });
  if (values.empty()) return false;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  a.low = *low, a.high = *high;
  if (a.log) {
    const double wide = std::max(std::log(a.high / a.low), 0.1) * room + (a.high / a.low < 1.05 ? 0.1 : 0);
    a.low *= std::exp(-wide), a.high *= std::exp(wide);
  } else {
    const double span = a.high - a.low, wide = span > 0 ? span * room : std::max(std::abs(a.high), 1e-12) * 0.1;
    a.low -= wide, a.high += wide;
  }
  return true;
}

bool fit_axes(chart& c) {
  std::vector<double> xs, ys;
  for (const auto& s : c.lines)
    for (const auto& p : s.at)
      if (drawable(c, p)) xs.push_back(p.x), ys.push_back(p.y);
  if (xs.empty()) return false;
  for (const auto& l : c.levels) ys.push_back(l.y);
  if (c.from_zero) ys.push_back(0);
  fit_axis(c.x, xs, 0.015);
  fit_axis(c.y, ys, 0.06);
  if (c.from_zero) c.y.low = 0;
  return true;
}

std::size_t characters(std::string_view s) {
  return static_cast<std::size_t>(std::count_if(s.begin(), s.end(), [](unsigned char b) { return b >> 6 != 2; }));
}

// Where the plot lies in the drawing; the left margin has room for the widest tick.
struct plot_area {
  const chart& c;
  std::vector<double> marks = ticks(c.y, c.height > 250 ? 6 : 4);
  double left = 36 + 7.2 * widest(), right = 16, top = 12, bottom = 46;
  double widest() const {
    std::size_t n = 2;
    for (const double v : marks) n = std::max(n, characters(c.y.text(v)));
    return static_cast<double>(n);
  }
  double x(double v) const { return left + c.x.place(v) * (c.width - left - right); }
  double y(double v) const { return c.height - bottom - c.y.place(v) * (c.height - top - bottom); }
};

std::string svg_axes(const plot_area& a) {
  const chart& c = a.c;
  const double right = c.width - a.right, bottom = c.height - a.bottom;
  std::string s;
  double free_below = 1e9;                                                        // no tick's text runs into the last one's
  for (const double v : a.marks) {
    s += fmt::format("<line class=grid x1={:.1f} x2={:.1f} y1={:.1f} y2={:.1f} />", a.left, right, a.y(v), a.y(v));
    if (a.y(v) > free_below) continue;
    free_below = a.y(v) - 14;
    s += fmt::format("<text class=tick x={:.1f} y={:.1f} text-anchor=end>{}</text>", a.left - 8, a.y(v) + 4, c.y.text(v));
  }
  double free_from = 0;
  for (const double v : ticks(c.x, c.width > 600 ? 8 : 4)) {
    const std::string label = c.x.text(v);
    const double half = 3.6 * static_cast<double>(characters(label));
    s += fmt::format("<line class=mark x1={0:.1f} x2={0:.1f} y1={1:.1f} y2={2:.1f} />", a.x(v), bottom, bottom + 4);
    if (a.x(v) - half < free_from) continue;
    free_from = a.x(v) + half + 6;
    s += fmt::format("<text class=tick x={:.1f} y={:.1f} text-anchor=middle>{}</text>", a.x(v), bottom + 18, label);
  }
  s += fmt::format("<line class=base x1={:.1f} x2={:.1f} y1={:.1f} y2={:.1f} />", a.left, right, bottom, bottom);
  s += fmt::format("<text class=axis x={:.1f} y={:.1f} text-anchor=middle>{}</text>", (a.left + right) / 2, c.height - 8,
                   escape(c.x.label));
  return s + fmt::format("<text class=axis transform='translate(13 {:.1f}) rotate(-90)' text-anchor=middle>{}</text>",
                         (a.top + bottom) / 2, escape(c.y.label));
}

// A line broken where numbers are missing; its name and its points are what the page's script shows.
std::string svg_line(const plot_area& a, const series& s) {
  std::string out, piece;
  const auto close = [&] {
    if (!piece.empty()) out += fmt::format("<polyline class='{}' data-name='{}' points='{}' />", s.look, escape(s.name), piece);
    piece.clear();
  };
  for (const auto& p : s.at) {
    if (!drawable(a.c, p)) close();
    else piece += fmt::format("{:.1f},{:.2f} ", a.x(p.x), a.y(p.y));
  }
  close();
  return out;
}
std::string svg_dots(const plot_area& a, const series& s) {
  std::string out;
  double below = 0;                                                               // labels stand beside or below one another
  for (std::size_t i = 0; i < s.at.size(); ++i) {
    if (!drawable(a.c, s.at[i])) continue;
    const double x = a.x(s.at[i].x), y = a.y(s.at[i].y);
    out += fmt::format("<circle class='{}' cx={:.1f} cy={:.1f} r=4.5 />", s.look, x, y);
    if (i >= s.labels.size() || s.labels[i].empty()) continue;
    const double at = below > 0 && std::abs(y + 4 - below) < 15 ? below + 15 : y + 4;
    out += fmt::format("<text class=note x={:.1f} y={:.1f}>{}</text>", x + 9, at, escape(s.labels[i]));
    below = at;
  }
  return out;
}

std::string svg_level(const plot_area& a, const level& l) {
  if (!drawable(a.c.y, l.y)) return "";
  return fmt::format("<line class='{0}' x1={1:.1f} x2={2:.1f} y1={3:.1f} y2={3:.1f} />", l.look, a.left,
                     a.c.width - a.right, a.y(l.y));
}

std::string legend(const chart& c) {
  std::string s = "<p class=legend>";
  const auto key = [&](const std::string& look, const std::string& name, bool dots) {
    const char* shape = dots ? "<circle class='{0}' cx=11 cy=6 r=4.5 />" : "<line class='{0}' x1=0 x2=22 y1=6 y2=6 />";
    s += "<span><svg class=key width=22 height=12>" + fmt::format(fmt::runtime(shape), look) + "</svg>" + escape(name);
    s += "</span>";
  };
  for (const auto& l : c.lines) {
    const bool told = c.width > 400 || !l.look.starts_with("raw");                // a small chart leaves out the faint lines
    const bool drawn = std::any_of(l.at.begin(), l.at.end(), [&](const point& p) { return drawable(c, p); });
    if (told && drawn) key(l.look, l.name, l.dots);
  }
  for (const auto& l : c.levels)
    if (there(l.y)) key(l.look, l.name + " " + loss_text(l.y), false);
  return s + "</p>";
}

std::string draw(chart c, bool with_legend = true) {
  if (!fit_axes(c)) return "";
  const plot_area a{c};
  std::string s = "<figure class=chart><figcaption>" + escape(c.title) + "</figcaption>";
  if (!c.note.empty()) s += "<p class=said>" + escape(c.note) + "</p>";
  if (with_legend) s += legend(c);
  const auto scale = [](const axis& x) { return fmt::format("{:.9g} {:.9g} {} {}", x.low, x.high, x.log ? 1 : 0, x.unit); };
  s += fmt::format("<svg class=plot viewBox='0 0 {} {}' role=img aria-label='{}'", c.width, c.height,
                   escape(c.title + ": " + c.y.label + " against " + c.x.label));
  s += fmt::format(" data-x='{}' data-y='{}' data-box='{:.1f} {:.1f} {:.1f} {:.1f}'>", scale(c.x), scale(c.y), a.left,
                   c.width - a.right, a.top, c.height - a.bottom);
  s += svg_axes(a);
  for (const auto& l : c.levels) s += svg_level(a, l);
  for (const auto& l : c.lines) s += svg_line(a, l);
  for (const auto& l : c.lines)
    if (l.dots) s += svg_dots(a, l);
  return s + "<line class=cursor y1=0 y2=0 /></svg></figure>";
}

// Many points as the lowest and the highest of each of `pieces` pieces, so that peaks are kept.
points thinned(const points& all, std::size_t pieces) {
  if (all.size() <= 2 * pieces) return all;
  points out;
  for (std::size_t i = 0; i < pieces; ++i) {
    const auto from = all.begin() + static_cast<std::ptrdiff_t>(i * all.size() / pieces);
    const auto to = all.begin() + static_cast<std::ptrdiff_t>((i + 1) * all.size() / pieces);
    auto [low, high] = std::minmax_element(from, to, [](const point& a, const point& b) { return a.y < b.y; });
    out.push_back(*std::min(low, high));
    if (low != high) out.push_back(*std::max(low, high));
  }
  return out;
}

// Mean over a window around each point, narrower towards both ends so that they are not drawn inwards.
points smoothed(const points& all) {
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(all.size()), widest = std::max<std::ptrdiff_t>(1, n / 40);
  std::vector<double> sum(all.size() + 1);
  for (std::size_t i = 0; i < all.size(); ++i) sum[i + 1] = sum[i] + all[i].y;
  points out;
  for (std::ptrdiff_t i = 0; i < n; i += std::max<std::ptrdiff_t>(1, n / 400)) {
    const std::ptrdiff_t half = std::min({widest, i, n - 1 - i});
    const auto from = static_cast<std::size_t>(i - half), to = static_cast<std::size_t>(i + half + 1);
    out.push_back({all[static_cast<std::size_t>(i)].x, (sum[to] - sum[from]) / static_cast<double>(to - from)});
  }
  return out;
}

points of_steps(const run& r, const std::string& phase, double step::*what) {
  points out;
  if (const auto it = r.steps.find(phase); it != r.steps.end())
    for (const auto& s : it->second)
      if (there(s.*what)) out.push_back({s.tokens, s.*what});
  return out;
}

// --- Sections.

std::string section(const std::string& heading, const std::string& body) {
  return body.empty() ? "" : "<section><h2>" + escape(heading) + "</h2>" + body + "</section>\n";
}

std::string tokens_sentence(const run& r) {
  const double used = number(r.result, "student_tokens"), teacher = number(r.result, "teacher_tokens");
  if (!there(used)) return "";
  std::string s = " It was uptrained on " + count_text(used) + " tokens";
  if (there(teacher) && teacher > 0) s += ", " + percent_text(used / teacher) + " of the teacher’s " + count_text(teacher);
  else s += "; how many the teacher was trained on is not known";
  return s + ".";
}

std::string lost_sentence(double teacher, double student) {
  const double lost = student - teacher;
  if (lost > 0.0005)
    return fmt::format("{:.3f} nats were lost, a perplexity {} higher.", lost,
                       lost < 3 ? percent_text(std::exp(lost) - 1) : "many times");
  if (lost > -0.0005) return "nothing was lost.";
  return fmt::format("{:.3f} nats lower, which further training on this text can explain as well as the new attention.", -lost);
}

std::string headline(const run& r) {
  const double teacher = r.teacher(), student = r.student();
  if (r.result.is_object() && !there(student)) return "The run ended without a finite loss for the RNN: its training diverged.";
  if (!there(student)) return r.result.is_object() ? "" : "This run has not ended, and the RNN has not been evaluated yet.";
  std::string s = r.result.is_object() ? "" : "This run has not ended. ";
  s += "The RNN’s held-out loss is " + loss_text(student);
  s += there(teacher) ? " beside the teacher’s " + loss_text(teacher) + " nats per token: " + lost_sentence(teacher, student)
                      : " nats per token; the teacher’s was not measured.";
  return s + (r.result.is_object() ? tokens_sentence(r) : "");
}

std::string scratch_sentence(const run& r) {
  const double scratch = r.scratch(), recovered = r.recovered();
  if (!there(scratch) || !there(r.student())) return "";
  std::string s = "The same RNN trained from scratch on as many tokens reaches " + loss_text(scratch) + ": ";
  if (!there(recovered)) return s + "the teacher is not ahead of it, so there was nothing to recover.";
  if (recovered < 0) return s + "here starting from the teacher did worse than starting from nothing.";
  return s + "starting from the teacher recovers " + percent_text(recovered) + " of what the teacher has ahead of it.";
}

std::string card(const std::string& name, const std::string& look, const std::string& value, const std::string& below) {
  return fmt::format("<div class='card {}'><h3>{}</h3><b>{}</b><p>{}</p></div>", look, escape(name), value, below);
}
std::string loss_card(const run& r, const std::string& name, const std::string& look, double loss) {
  if (!there(loss)) return "";
  std::string below = "perplexity " + perplexity_text(loss);
  const double teacher = r.teacher();
  if (look != "teacher" && there(teacher)) below += fmt::format("<br>{:+.3f} to the teacher", loss - teacher);
  return card(name, look, loss_text(loss), below);
}
std::string cards(const run& r) {
  std::string s = loss_card(r, "Teacher", "teacher", r.teacher());
  s += loss_card(r, "At the swap", "student", r.loss("swap_loss", "student", "swap"));
  s += loss_card(r, "After the fit", "student", r.loss("fit_loss", "student", "fit"));
  s += loss_card(r, r.result.is_object() ? "After uptraining" : "Uptraining, so far", "student", r.student());
  s += loss_card(r, "From scratch", "scratch", r.scratch());
  if (const double recovered = r.recovered(); there(recovered))
    s += card("Recovered", "share", percent_text(recovered), "of the way from scratch to the teacher");
  return s.empty() ? "" : "<div class=cards>" + s + "</div><p class=said>Held-out loss in nats per token; lower is better.</p>";
}

series held_out(const run& r, const std::string& phase, const std::string& model, const std::string& name) {
  series s{name, "held " + model, {}, true};
  for (const auto& e : r.evaluations) {
    if (e.model != model || (e.phase != phase && !e.phase.empty())) continue;
    s.at.push_back({there(e.tokens) ? e.tokens : 0, e.loss});
    s.labels.push_back(e.tag == "swap" ? "at the swap, " + loss_text(e.loss)
                                       : e.tag == "fit" ? "after the fit, " + loss_text(e.loss) : "");
  }
  return s;
}

void add_training(chart& c, const run& r, const std::string& phase, const std::string& model, const std::string& name) {
  const points all = of_steps(r, phase, &step::loss);
  if (all.size() > 20) c.lines.push_back({name + ", each step", "raw " + model, thinned(all, 350)});
  c.lines.push_back({name + (all.size() > 20 ? ", smoothed" : ""), "line " + model, all.size() > 20 ? smoothed(all) : all});
}

// A logarithmic loss axis where the first losses would press the rest flat.
void choose_scale(chart& c) {
  double low = 1e300, high = 0;
  for (const auto& s : c.lines)
    for (const auto& p : s.at)
      if (there(p.y)) low = std::min(low, p.y), high = std::max(high, p.y);
  for (const auto& l : c.levels)
    if (there(l.y)) low = std::min(low, l.y);
  c.y.log = low > 0 && high > 3 * low;
  if (c.y.log) c.y.label += ", log scale";
}

chart loss_chart(const run& r, const std::string& title, const std::string& tokens) {
  chart c{title, "", {tokens, false, count_text, "count"}, {"loss, nats per token", false, trimmed, "loss"}, {}};
  if (there(r.entropy)) c.levels.push_back({"entropy of the text", "level floor", r.entropy});
  return c;
}

std::string losses(const run& r) {
  chart up = loss_chart(r, "Uptraining", "tokens seen in uptraining");
  add_training(up, r, "uptrain", "student", "RNN, training");
  up.lines.push_back(held_out(r, "uptrain", "student", "RNN, held out"));
  add_training(up, r, "scratch", "scratch", "from scratch, training");
  up.lines.push_back(held_out(r, "scratch", "scratch", "from scratch, held out"));
  if (there(r.teacher())) up.levels.push_back({"teacher, held out", "level teacher", r.teacher()});
  choose_scale(up);
  chart pre = loss_chart(r, "The teacher’s own training", "tokens seen in pre-training");
  add_training(pre, r, "pretrain", "teacher", "teacher, training");
  const bool pretrained = !of_steps(r, "pretrain", &step::loss).empty();
  if (pretrained) pre.lines.push_back(held_out(r, "pretrain", "teacher", "teacher, held out"));
  choose_scale(pre);
  pre.height = 260;
  return draw(std::move(up)) + draw(std::move(pre));
}

std::string small_chart(const run& r, const std::string& title, const std::string& unit, double step::*what,
                        std::string (*write)(double), bool smooth) {
  chart c{title, "", {"tokens", false, count_text, "count"}, {unit, false, write, "plain"}, {}, {}, 340, 190, true};
  const bool pretrained = !r.steps.contains("uptrain") && !r.steps.contains("scratch");
  struct told { const char *phase, *model, *name; };
  std::vector<told> phases = {{"scratch", "scratch", "from scratch"}, {"uptrain", "student", "uptrained"}};
  if (pretrained) phases = {{"pretrain", "teacher", "teacher"}};
  for (const auto& [phase, model, name] : phases) {
    const points all = of_steps(r, phase, what);
    const bool both = smooth && all.size() > 20;
    if (both) c.lines.push_back({std::string(name) + ", each step", std::string("raw ") + model, thinned(all, 150)});
    if (!all.empty()) c.lines.push_back({name, std::string("line ") + model, both ? smoothed(all) : thinned(all, 200)});
  }
  return draw(std::move(c), r.steps.contains("scratch"));
}

std::string training_details(const run& r) {
  const std::string all = small_chart(r, "Learning rate", "per step", &step::lr, trimmed, false) +
                          small_chart(r, "Gradient norm, before clipping", "norm", &step::grad_norm, trimmed, true) +
                          small_chart(r, "Speed", "tokens per second", &step::speed, count_text, true);
  return all.empty() ? "" : "<div class=three>" + all + "</div>";
}

std::string sample_name(const std::string& model) {
  if (model == "teacher") return "Teacher";
  if (model == "swap") return "Right after the swap";
  if (model == "fit") return "After the fit";
  return model == "student" ? "RNN, uptrained" : model;
}

std::string samples(const run& r) {
  std::string s;
  for (const auto& [prompt, group] : r.samples) {
    s += "<p class=prompt><span>Prompt</span>" + escape(prompt) + "</p><div class=samples>";
    auto ordered = group;
    const std::vector<std::string> order = {"teacher", "swap", "fit", "student"};
    const auto rank = [&](const sample& one) { return std::find(order.begin(), order.end(), one.model) - order.begin(); };
    std::stable_sort(ordered.begin(), ordered.end(), [&](const sample& a, const sample& b) { return rank(a) < rank(b); });
    for (const auto& one : ordered) {
      std::string_view told = one.text;
      if (told.starts_with(prompt)) told.remove_prefix(prompt.size());
      told.remove_prefix(std::min(told.find_first_not_of(" \t\r\n"), told.size()));
      s += fmt::format("<div class='sample {}'><h3>{}</h3><p>{}</p></div>", one.model == "teacher" ? "teacher" : "student",
                       escape(sample_name(one.model)), escape(told));
    }
    s += "</div>";
  }
  return s;
}

points pairs(const std::vector<double>& x, const std::vector<double>& y) {
  points out;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) out.push_back({x[i], y[i]});
  return out;
}

// Both models at the longest text that both were measured at.
std::string growth_sentence(const points& teacher, const points& student, std::string (*write)(double), const char* what) {
  for (auto t = teacher.rbegin(); t != teacher.rend(); ++t)
    for (const auto& s : student)
      if (s.x == t->x && there(s.y) && there(t->y) && s.y > 0 && t->y > 0)
        return fmt::format("At {} tokens the teacher {} {}, the RNN {}: {} times {}.", count_text(t->x), what, write(t->y),
                           write(s.y), scaled(std::max(t->y / s.y, s.y / t->y), 1e9, {""}), t->y >= s.y ? "less" : "more");
  return "";
}

std::string growth_chart(const run& r, const std::string& title, std::vector<double> growth::*what, const axis& y,
                         const char* verb) {
  chart c{title, "", {"length of the text, tokens", true, count_text, "count"}, y, {}, {}, 500, 300};
  points of[2];
  const char *models[] = {"teacher", "student"}, *names[] = {"teacher", "RNN"};
  for (int m = 0; m < 2; ++m) {
    const auto it = r.growths.find(models[m]);
    if (it == r.growths.end()) continue;
    of[m] = pairs(it->second.tokens, it->second.*what);
    c.lines.push_back({names[m], std::string("line held ") + models[m], of[m], true});
  }
  c.note = growth_sentence(of[0], of[1], y.text, verb);
  return draw(std::move(c));
}

std::string growths(const run& r) {
  const axis bytes{"bytes, log scale", true, bytes_text, "bytes"};
  const axis seconds{"time per token, log scale", true, short_time_text, "seconds"};
  const std::string both = growth_chart(r, "Memory that a text takes", &growth::bytes, bytes, "keeps") +
                           growth_chart(r, "Time for the next token", &growth::seconds, seconds, "takes");
  return both.empty() ? "" : "<div class=two>" + both + "</div>";
}

std::string row(const std::string& name, const std::string& value) {
  return "<tr><th scope=row>" + escape(name) + "</th><td>" + escape(value) + "</td></tr>";
}

std::string value_text(const record& v) {
  if (v.is_string()) return v.get<std::string>();
  if (v.is_boolean()) return v.get<bool>() ? "yes" : "no";
  if (v.is_null()) return "–";
  if (v.is_number_float()) return fmt::format("{:.6g}", v.get<double>());
  std::string s = v.dump(-1, ' ', false, record::error_handler_t::replace);
  if (v.is_number_integer() && s.size() > 4)                                      // 1234567 -> 1,234,567
    for (std::size_t i = s.size(); i > (s[0] == '-' ? 4u : 3u);) s.insert(i -= 3, ",");
  return s;
}

std::string rows_of(const record& object, const std::vector<std::string>& without, const std::string& before = "") {
  std::string s;
  if (!object.is_object()) return s;
  for (const auto& [key, value] : object.items()) {
    if (std::find(without.begin(), without.end(), key) != without.end()) continue;
    std::string name = before + key;
    std::replace(name.begin(), name.end(), '_', ' ');
    s += value.is_object() ? rows_of(value, {}, key == "settings" ? "" : name + ": ") : row(name, value_text(value));
  }
  return s;
}

std::string phase_rows(const run& r) {
  std::string s;
  const std::pair<const char*, const char*> phases[] = {
      {"pretrain", "pre-training"}, {"uptrain", "uptraining"}, {"scratch", "from scratch"}};
  for (const auto& [phase, name] : phases) {
    const auto it = r.steps.find(phase);
    if (it == r.steps.end() || it->second.empty()) continue;
    double speed = 0, n = 0;
    for (const auto& one : it->second)
      if (there(one.speed)) speed += one.speed, ++n;
    s += row(std::string(name) + ", tokens seen", count_text(it->second.back().tokens));
    if (n > 0) s += row(std::string(name) + ", mean speed", count_text(speed / n) + " tokens per second");
  }
  if (const double t = number(r.result, "seconds"); there(t)) s += row("time, whole run", time_text(t));
  return s;
}

std::string evaluation_table(const run& r) {
  if (r.evaluations.empty()) return "";
  std::string s = "<table><thead><tr>";
  for (const char* name : {"model", "phase", "when", "tokens", "loss", "perplexity"}) s += std::string("<th>") + name + "</th>";
  s += "</tr></thead>";
  for (const auto& e : r.evaluations) {
    s += "<tr><td>" + escape(e.model) + "</td><td>" + escape(e.phase) + "</td><td>" + escape(e.tag) + "</td>";
    s += "<td class=n>" + count_text(e.tokens) + "</td><td class=n>" + (there(e.loss) ? fmt::format("{:.4f}", e.loss) : "–");
    s += "</td><td class=n>" + (there(e.loss) ? perplexity_text(e.loss) : "–") + "</td></tr>";
  }
  return s + "</table>";
}

std::string settings(const run& r) {
  const std::vector<std::string> told = {"event", "title"};
  const std::vector<std::string> known = {"event",        "teacher_loss", "swap_loss",      "fit_loss",       "student_loss",
                                          "scratch_loss", "recovered",    "teacher_tokens", "student_tokens", "seconds"};
  const std::string all = rows_of(r.start, told) + rows_of(r.result, known), speed = phase_rows(r);
  std::string s;
  if (!all.empty()) s += "<div><h3>Settings</h3><table>" + all + "</table></div>";
  const std::string evaluations = evaluation_table(r);
  if (!speed.empty() || !evaluations.empty()) s += "<div>";
  if (!speed.empty()) s += "<h3>Work and speed</h3><table>" + speed + "</table>";
  if (!evaluations.empty()) s += "<h3>Every evaluation</h3>" + evaluations;
  if (!speed.empty() || !evaluations.empty()) s += "</div>";
  return s.empty() ? "" : "<div class=two>" + s + "</div>";
}

// --- The page.

const char* style = R"(
:root{--page:#f6f5f1;--sheet:#fffefb;--ink:#1d2126;--soft:#5c646e;--rule:#e2e0d8;--teacher:#2563b0;--student:#d2540f;
--scratch:#767d87;--floor:#2b8a57}
@media (prefers-color-scheme:dark){:root{--page:#14171b;--sheet:#1c2026;--ink:#e9e8e3;--soft:#a0a8b2;--rule:#323841;
--teacher:#6ea8f2;--student:#ff8b4a;--scratch:#8f98a3;--floor:#5cc48e}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1120px;margin:0 auto;padding:40px 24px 56px}
h1{font-size:15px;font-weight:600;margin:0;color:var(--soft)}
.headline{font:500 27px/1.32 Charter,"Bitstream Charter","Iowan Old Style",Georgia,serif;margin:12px 0 10px;
max-width:42em;text-wrap:pretty}
.lead{margin:0;max-width:62em;color:var(--soft)}
h2{font-size:19px;margin:44px 0 14px;padding-top:14px;border-top:2px solid var(--ink)}
h3{font-size:13px;font-weight:600;margin:0 0 4px;color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(158px,1fr));gap:12px;margin-top:28px}
.card,.chart,.sample,section table{background:var(--sheet);border:1px solid var(--rule);border-radius:6px}
.card{padding:13px 15px 12px;border-top:3px solid var(--scratch)}
.card.teacher,.sample.teacher{border-top-color:var(--teacher)}
.card.student,.sample.student{border-top-color:var(--student)}.card.share{border-top-color:var(--ink)}
.card b{font-size:29px;font-weight:600;line-height:1.2;font-variant-numeric:tabular-nums}
.card p{margin:3px 0 0;font-size:13px;line-height:1.45;color:var(--soft)}
.said{font-size:13.5px;color:var(--soft);margin:8px 0 0}
.chart{margin:0 0 16px;padding:15px 16px 8px;min-width:0}
.chart figcaption{font-weight:600}.chart .said{margin:2px 0 0}
.legend{display:flex;flex-wrap:wrap;gap:3px 18px;margin:6px 0 4px;font-size:13px;color:var(--soft)}
.legend span{display:inline-flex;align-items:center;gap:6px}
.plot{display:block;width:100%;height:auto;overflow:visible}
.three,.two,.samples{display:grid;gap:16px}
.three{grid-template-columns:repeat(auto-fit,minmax(300px,1fr))}
.two{grid-template-columns:repeat(auto-fit,minmax(380px,1fr));align-items:start}
.three .plot{max-width:460px}
.samples{grid-template-columns:repeat(auto-fit,minmax(228px,1fr));margin-bottom:26px;gap:12px}
.sample{padding:12px 14px;border-top-width:3px;min-width:0}
.sample p,.prompt{white-space:pre-wrap;overflow-wrap:anywhere;font:15px/1.55 Charter,"Bitstream Charter",Georgia,serif}
.sample p{margin:4px 0 0}
.prompt{margin:0 0 12px;padding:2px 0 2px 14px;border-left:3px solid var(--ink);font-size:16px}
.prompt span{display:block;font:600 13px/1.5 system-ui,sans-serif;color:var(--soft)}
section table{border-collapse:separate;border-spacing:0;width:100%;font-size:14px;margin-bottom:20px;overflow:hidden}
th,td{text-align:left;padding:6px 12px;border-bottom:1px solid var(--rule);vertical-align:top;overflow-wrap:anywhere}
tr:last-child>th,tr:last-child>td{border-bottom:0}thead th{border-bottom:1px solid var(--rule)!important}
th{font-weight:500;color:var(--soft)}td{font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
svg text{fill:var(--soft);font:12.5px system-ui,sans-serif;font-variant-numeric:tabular-nums}
svg .note{fill:var(--ink);paint-order:stroke;stroke:var(--sheet);stroke-width:4px;stroke-linejoin:round}
.grid{stroke:var(--rule)}.base,.mark{stroke:var(--soft)}
polyline{fill:none;stroke-linejoin:round;stroke-linecap:round}
.teacher{--c:var(--teacher)}.student{--c:var(--student)}.scratch{--c:var(--scratch)}.floor{--c:var(--floor)}
polyline,line.raw,line.line,line.held,line.level{stroke:var(--c);stroke-width:2}
.raw{opacity:.28}polyline.raw{stroke-width:1}polyline.held{stroke-width:1;stroke-dasharray:1 4}
polyline.line{stroke-width:2;stroke-dasharray:none}
line.level{stroke-width:1.6;stroke-dasharray:7 4}line.level.floor{stroke-dasharray:2 3}
circle{fill:var(--c);stroke:var(--sheet);stroke-width:2}
.cursor{stroke:var(--soft);visibility:hidden}
#tip{position:fixed;z-index:9;pointer-events:none;visibility:hidden;background:var(--ink);color:var(--page);
border-radius:5px;padding:6px 10px;font-size:13px;line-height:1.45;font-variant-numeric:tabular-nums}
footer{margin-top:40px;font-size:13px;color:var(--soft)}
@media (max-width:700px){main{padding:24px 14px}.headline{font-size:22px}.two{grid-template-columns:1fr}}
@media print{:root{--page:#fff;--sheet:#fff;--ink:#111;--soft:#444;--rule:#ccc;--teacher:#2563b0;--student:#d2540f;
--scratch:#767d87;--floor:#2b8a57}
body{font-size:13px}main{max-width:none;padding:0}.headline{font-size:21px}h2{margin:26px 0 10px}section table{font-size:12px}
th,td{padding:3px 9px}.sample p,.prompt{font-size:12.5px}.card b{font-size:22px}.legend{font-size:11px}
.cards{grid-template-columns:repeat(6,1fr);gap:8px}.three{grid-template-columns:repeat(3,1fr)}.two{grid-template-columns:1fr 1fr}
.samples{grid-template-columns:repeat(4,1fr)}
.card,.chart,.sample,tr{break-inside:avoid}h2{break-after:avoid}
#tip,.cursor{display:none}}
)";

// What each line says at the pointer, read back from where its points were drawn.
const char* script = R"(
'use strict';
const tip=document.getElementById('tip');
const scale=(v,b,u)=>{let i=0;while(Math.abs(v)>=b&&i<u.length-1){v/=b;i++}return Number(v.toPrecision(3))+u[i]};
const write={count:v=>scale(Math.round(v),1000,['','k','M','B','T'])+' tokens',loss:v=>v.toFixed(3),plain:v=>scale(v,
1000,['','k','M']),
bytes:v=>scale(v,1000,[' B',' kB',' MB',' GB',' TB']),seconds:v=>scale(v*1e9,1000,[' ns',' µs',' ms',' s'])};
const axis=s=>{const[a,b,log,unit]=s.split(' ');return{unit,
at:t=>+log?Math.exp(Math.log(a)+t*(Math.log(b)-Math.log(a))):+a+t*(b-a)}};
for(const svg of document.querySelectorAll('svg.plot')){
const X=axis(svg.dataset.x),Y=axis(svg.dataset.y),[l,r,t,b]=svg.dataset.box.split(' ').map(Number),
cursor=svg.querySelector('.cursor');
const lines=[...svg.querySelectorAll('polyline')].map(p=>({name:p.dataset.name,
at:p.getAttribute('points').trim().split(' ').map(q=>q.split(',').map(Number))}));
const hide=()=>{tip.style.visibility=cursor.style.visibility='hidden'};
svg.addEventListener('pointerleave',hide);
svg.addEventListener('pointermove',e=>{
const box=svg.getBoundingClientRect(),x=(e.clientX-box.left)*svg.viewBox.baseVal.width/box.width;
if(x<l-6||x>r+6)return hide();
let best=null;const said=new Map();
for(const line of lines){let near=line.at[0];for(const p of line.at)if(Math.abs(p[0]-x)<=Math.abs(near[0]-x))near=p;
const old=said.get(line.name);if(!old||Math.abs(near[0]-x)<Math.abs(old[0]-x))said.set(line.name,near);
if(best===null||Math.abs(near[0]-x)<Math.abs(best-x))best=near[0]}
tip.replaceChildren();
const add=s=>{const d=document.createElement('div');d.textContent=s;tip.append(d)};
add(write[X.unit](X.at((best-l)/(r-l))));
for(const[name,p]of said)if(Math.abs(p[0]-best)<(r-l)/40)add(name+': '+write[Y.unit](Y.at((b-p[1])/(b-t))));
cursor.setAttribute('x1',best);cursor.setAttribute('x2',best);cursor.setAttribute('y1',t);cursor.setAttribute('y2',b);
cursor.style.visibility=tip.style.visibility='visible';
tip.style.left=Math.min(e.clientX+14,innerWidth-tip.offsetWidth-8)+'px';tip.style.top=Math.max(8,
e.clientY-tip.offsetHeight-10)+'px'})}
)";

std::string about(const run& r) {
  std::vector<std::string> parts;
  if (const auto s = text(r.start, "teacher"); !s.empty()) parts.push_back("teacher " + s);
  if (const auto s = text(r.start, "attention"); !s.empty()) parts.push_back("attention " + s);
  if (const auto s = text(r.start, "recipe"); !s.empty()) parts.push_back("recipe " + s);
  if (const double n = number(r.start, "parameters"), added = number(r.start, "added_parameters"); there(n))
    parts.push_back(count_text(n) + " parameters" + (there(added) ? ", " + count_text(added) + " of them added" : ""));
  std::string s;
  for (const auto& p : parts) s += (s.empty() ? "" : " · ") + p;
  return s;
}

std::string page(const run& r, const std::string& log_name) {
  std::string title = text(r.start, "title");
  if (title.empty()) title = "A transformer turned into an RNN";
  std::string s = "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
                  "<meta name=viewport content='width=device-width,initial-scale=1'>"
                  "<meta name=color-scheme content='light dark'>";
  s += "<title>" + escape(title) + "</title><style>" + style + "</style></head><body><main>\n";
  s += "<header><h1>" + escape(title) + "</h1><p class=headline>" + escape(headline(r)) + "</p>";
  for (const auto& line : {scratch_sentence(r), about(r)})
    if (!line.empty()) s += "<p class=lead>" + escape(line) + "</p>";
  s += cards(r) + "</header>\n";
  s += section("Loss", losses(r)) + section("What they write", samples(r));
  s += section("Memory and time as a text grows", growths(r)) + section("How the training went", training_details(r));
  s += section("Settings and numbers", settings(r));
  s += "<footer>Made by supra from " + escape(log_name) + ".";
  if (r.broken) s += fmt::format(" {} of its lines could not be read.", r.broken);
  return s + "</footer></main><div id=tip role=status></div><script>" + script + "</script></body></html>\n";
}

}  // namespace

void write_report(const std::string& log_path, const std::string& html_path) {
  const std::string name = std::filesystem::path(log_path).filename().string();
  io::write_file(html_path, page(read_log(log_path), name), io::existing::overwrite);
}

}  // namespace supra::program
