// The recipe that a command's options ask for, and what a run that is resumed must have the same of it.
#pragma once

#include "attention_named.hpp"
#include "commands.hpp"
#include "log.hpp"
#include "supra/train/recipe.hpp"
#include "supra/train/window_dropout.hpp"

namespace supra::program {

// A learning rate that is given is that of the steps that train the whole; the transfer has its own.
inline void override_rates(train::adamw_settings& r, const uptrain_options& o, bool from_teacher) {
  const auto& t = o.train;
  const double lr = !from_teacher && o.lr_scratch > 0 ? o.lr_scratch : t.lr;
  if (lr > 0) r.lr = lr, r.lr_added = from_teacher ? lr * 10 / 3 : lr;
  if (from_teacher && t.lr_added > 0) r.lr_added = t.lr_added;
  r.weight_decay = t.weight_decay.value_or(r.weight_decay), r.clip = t.clip;
}
inline constexpr double usual_window_dropout = 0.5;

// The recipe of --recipe, with what other options say.
inline train::recipe recipe_of(const uptrain_options& o) {
  auto r = train::recipe_named(o.recipe);
  if (auto* s = r.find<train::fit_step>()) s->tokens = o.fit_tokens;
  auto* const transfer = r.find<train::transfer_step>();
  auto* const distill = r.find<train::distill_step>();
  io::need(transfer || !o.transfer_share, "--transfer-share: --recipe ", o.recipe, " has no transfer; leave one of them out");
  io::need(distill || (!o.kl && !o.ce), o.kl ? "--kl" : "--ce", ": --recipe ", o.recipe,
           " does not distill; leave one of them out");
  io::need(!o.window_dropout || attention_named(o.attention).window > 0, "--window-dropout: --attention ", o.attention,
           " has no window; add ,window=N to it, or leave --window-dropout out");
  if (transfer) transfer->share = o.transfer_share.value_or(transfer->share), transfer->rates.clip = o.train.clip;
  if (auto* s = r.find<train::text_step>()) s->z = o.train.z_loss.value_or(s->z), override_rates(s->rates, o, r.from_teacher);
  if (distill) {
    auto& w = distill->weights;
    w.kl = o.kl.value_or(w.kl), w.ce = o.ce.value_or(w.ce), w.z = o.train.z_loss.value_or(w.z);
    io::need(w.kl > 0 || w.ce > 0, "--kl 0 and --ce 0 leave nothing to learn; give one of them a weight");
    override_rates(distill->rates, o, r.from_teacher);
  }
  return r;
}

// Of --window-dropout, or the usual one; half of it at the run's end.
inline train::window_dropout window_dropout_of(const uptrain_options& o) {
  const double p = o.window_dropout.value_or(usual_window_dropout);
  return {.first = p, .last = p / 2};
}

// What a resumed run must have the same.
inline json told(const train::adamw_settings& r) {
  return {{"lr", r.lr}, {"lr_added", r.lr_added}, {"weight_decay", r.weight_decay}, {"clip", r.clip},
          {"output_share", r.output_share}};
}
inline json told(const train::fit_step& s) { return {{"fit_tokens", s.tokens}}; }
inline json told(const train::transfer_step& s) { return {{"transfer_share", s.share}, {"rates", told(s.rates)}}; }
inline json told(const train::text_step& s) { return {{"z_loss", s.z}, {"rates", told(s.rates)}}; }
inline json told(const train::distill_step& s) {
  return {{"kl", s.weights.kl}, {"ce", s.weights.ce}, {"z_loss", s.weights.z}, {"rates", told(s.rates)}};
}
inline json told(const train::recipe& r) {
  json all = json::array();
  for (auto& step : r.steps) all.push_back(std::visit([](auto& s) { return told(s); }, step));
  return all;
}

}  // namespace supra::program
