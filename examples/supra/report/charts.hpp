// Line charts as inline SVG: axes, lines, dots, levels, legends.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "log.hpp"

namespace supra::program::report {

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
  double most = std::numeric_limits<double>::infinity();                          // what lies above is drawn there
};

// Steps of 1, 2 or 5 times a power of ten.
inline std::vector<double> linear_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / wanted, power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
  std::vector<double> out;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) out.push_back(i == 0 ? 0 : i * step);
  return out;
}
inline std::vector<double> log_ticks(double low, double high, int wanted) {
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
inline std::vector<double> ticks(const axis& a, int wanted) {
  return a.log ? log_ticks(a.low, a.high, wanted) : linear_ticks(a.low, a.high, wanted);
}

inline bool drawable(const axis& a, double v) { return there(v) && (!a.log || v > 0); }
inline bool drawable(const chart& c, const point& p) { return drawable(c.x, p.x) && drawable(c.y, p.y); }

// The range of what is drawn, with room at the ends; false where nothing is.
inline bool fit_axis(axis& a, std::vector<double> values, double room) {
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

inline bool fit_axes(chart& c) {
  std::vector<double> xs, ys;
  for (const auto& s : c.lines)
    for (const auto& p : s.at)
      if (drawable(c, p)) xs.push_back(p.x), ys.push_back(std::min(p.y, c.most));
  if (xs.empty()) return false;
  for (const auto& l : c.levels) ys.push_back(l.y);
  if (c.from_zero) ys.push_back(0);
  fit_axis(c.x, xs, 0.015);
  fit_axis(c.y, ys, 0.06);
  if (c.from_zero) c.y.low = 0;
  return true;
}

inline std::size_t characters(std::string_view s) {
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
  double y(double v) const { return c.height - bottom - c.y.place(std::min(v, c.most)) * (c.height - top - bottom); }
};

inline std::string svg_axes(const plot_area& a) {
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
inline std::string svg_line(const plot_area& a, const series& s) {
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
inline std::string svg_dots(const plot_area& a, const series& s) {
  std::string out;
  double below = 0;                                                               // labels stand beside or below one another
  for (std::size_t i = 0; i < s.at.size(); ++i) {
    if (!drawable(a.c, s.at[i])) continue;
    const double x = a.x(s.at[i].x), y = a.y(s.at[i].y);
    out += fmt::format("<circle class='{}' cx={:.1f} cy={:.1f} r=4.5 />", s.look, x, y);
    if (i >= s.labels.size() || s.labels[i].empty()) continue;
    const double at = below > 0 && std::abs(y + 4 - below) < 15 ? below + 15 : y + 4;
    out += fmt::format("<text class=note x={:.1f} y={:.1f}>{}{}</text>", x + 9, at, escape(s.labels[i]),
                       s.at[i].y > a.c.most ? " (off the scale)" : "");
    below = at;
  }
  return out;
}

inline std::string svg_level(const plot_area& a, const level& l) {
  if (!drawable(a.c.y, l.y)) return "";
  return fmt::format("<line class='{0}' x1={1:.1f} x2={2:.1f} y1={3:.1f} y2={3:.1f} />", l.look, a.left,
                     a.c.width - a.right, a.y(l.y));
}

inline std::string legend(const chart& c) {
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

inline std::string draw(chart c, bool with_legend = true) {
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
inline points thinned(const points& all, std::size_t pieces) {
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

// Mean over a window around each point; towards both ends a narrower, one-sided window's line at the point, so that ends are
// neither drawn inwards nor those of a single step.
inline points smoothed(const points& all) {
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(all.size()), widest = std::max<std::ptrdiff_t>(1, n / 40);
  std::vector<double> sum(all.size() + 1), moment(all.size() + 1);
  for (std::size_t i = 0; i < all.size(); ++i)
    sum[i + 1] = sum[i] + all[i].y, moment[i + 1] = moment[i] + static_cast<double>(i) * all[i].y;
  points out;
  for (std::ptrdiff_t i = 0; i < n; i += std::max<std::ptrdiff_t>(1, n / 400)) {
    const std::ptrdiff_t half = std::max(std::min({widest, i, n - 1 - i}), widest / 3);
    const std::ptrdiff_t from = std::max<std::ptrdiff_t>(0, i - half), to = std::min(n, i + half + 1);
    const auto f = static_cast<std::size_t>(from), t = static_cast<std::size_t>(to);
    const double some = static_cast<double>(to - from), middle = static_cast<double>(from + to - 1) / 2,
                 mean = (sum[t] - sum[f]) / some, spread = some * (some * some - 1) / 12;
    const double slope = spread > 0 ? (moment[t] - moment[f] - some * middle * mean) / spread : 0;
    out.push_back({all[static_cast<std::size_t>(i)].x, mean + slope * (static_cast<double>(i) - middle)});
  }
  return out;
}

// A phase's steps of the whole model, or those of a hybrid's linear branch alone: two curves, as far apart as the two are.
inline points of_steps(const run& r, const std::string& phase, double step::*what, bool linear_alone = false) {
  points out;
  if (const auto it = r.steps.find(phase); it != r.steps.end())
    for (const auto& s : it->second)
      if (there(s.*what) && s.linear_alone == linear_alone) out.push_back({s.tokens, s.*what});
  return out;
}

}  // namespace supra::program::report
