// evaluate: a model, and those beside it, on texts and on tasks.
#pragma once

#include "recall_scores.hpp"
#include "report.hpp"
#include "task_scores.hpp"
#include "text_loss.hpp"
#include "weights_on.hpp"

namespace supra::program {

template <class B>
class evaluation_on {
 public:
  using registry = model::attention_registry<B, scalar<B>>;
  evaluation_on(B& backend, const registry& compositions, const evaluate_options& o)
      : backend(backend), compositions(compositions), o(o) {}

  // Everything is read and checked before anything is computed; files are written at the end.
  void run() {
    io::need(!o.text.empty() || !o.tasks.empty() || o.recall,
             "evaluate needs --text, files to measure the loss on, --tasks or --recall");
    io::need(!o.by_position || !o.text.empty(), "--by-position needs --text");
    io::need(!o.window || !o.text.empty() || o.recall, "--window needs --text or --recall");
    check_writable(o.json, "--json"), check_writable(o.report, "--report"), check_writable(o.predictions, "--predictions");
    for (auto& [flag, path] : {std::pair{"--report", &o.report}, {"--predictions", &o.predictions}})
      io::need(*path != "-", flag, " -: is a file of its own; name one");
    io::need(o.predictions.empty() || !o.tasks.empty(), "--predictions needs --tasks");
    std::vector<subject> subjects;
    subjects.push_back(load(o.model, ""));
    io::need(alone == model::branches::both || model::is_hybrid(subjects.front().loaded.config), "--branch ", o.branch, ": ",
             o.model, " has no window beside its attention, so it has no branches; leave --branch out");
    for (auto& path : o.beside) subjects.push_back(load(path, o.tokenizer.empty() ? o.model : o.tokenizer));
    const std::string text = read_text(o.text);
    const std::string passages = o.recall_text.empty() ? "" : read_text({o.recall_text}, "--recall-text");
    for (auto& s : subjects)
      if (o.recall) s.recall.emplace(o, *s.tokenizer, s.loaded.config, s.tokenizer->encode(passages));
    const auto tasks = load_tasks(o);
    std::string lines;
    json result, others = json::array();
    for (auto& s : subjects) {
      auto one = measure(s, text, tasks, lines);
      if (result.is_null())
        result = std::move(one);
      else
        others.push_back(std::move(one));
    }
    if (!others.empty()) result["beside"] = std::move(others);
    if (!o.json.empty() && o.json != "-") io::write_file(o.json, result.dump(2) + "\n", io::existing::overwrite);
    if (!o.predictions.empty()) io::write_file(o.predictions, lines, io::existing::overwrite);
    if (!o.report.empty()) write_evaluation(result, o.report);
    tell(result);
  }

 private:
  struct subject {
    std::string path;
    io::loaded<real> loaded;
    std::unique_ptr<io::tokenizer> tokenizer;
    std::optional<recall_task> recall;
  };
  // other: a tokenizer to take where the model carries none.
  subject load(const std::string& path, const std::string& other) {
    subject s{path, io::load_model<real>(path), nullptr, {}};
    const bool own = other.empty() || carries_tokenizer(path);
    s.tokenizer = tokenizer_for(own ? (other.empty() ? o.tokenizer : "") : other, path, s.loaded.config);
    return s;
  }

  json measure(subject& s, const std::string& text, const std::vector<loaded_task>& tasks, std::string& lines) {
    const auto& c = s.loaded.config;
    json result = json::object();
    const bool packed = !o.weights.empty() && o.weights != stored<B>, plain_loss = !o.text.empty() && !o.by_position;
    std::unique_ptr<model::transformer<B, scalar<B>>> m;
    if (!packed || plain_loss) {
      m = std::make_unique<model::transformer<B, scalar<B>>>(backend, c, compositions);
      m->load(s.loaded.values);
    }
    double nats = 0;
    if (m) m->attention.run = alone;
    if (plain_loss) {
      const auto plain = mean_loss(*m, *s.tokenizer, text, o);
      nats = plain.nats;
      result.update({{"loss_nats_per_token", plain.nats},
                     {"tokens", plain.predictions},
                     {o.window ? "windows" : "documents", plain.units}});
    }
    result.update(about(s.path, c));
    if (alone != model::branches::both && model::is_hybrid(c)) result["branch"] = o.branch;
    if (std::string_view(stored<B>) != "f32") result["weights"] = stored<B>;
    if (!packed) {
      s.loaded.values = {};
      model::plain_decoder<B, scalar<B>> decoder(*m);
      decoder.run = alone;
      further(result, s, decoder, text, tasks, lines);
    } else {
      m.reset();
      const weights_on<B> weights(backend, compositions, std::move(s.loaded.values), c, o.weights);
      weights.decoder->run = alone;
      if (plain_loss) {
        scored<B> few{*weights.decoder, {}};
        const double its = mean_loss(few, *s.tokenizer, text, o).nats;
        result.update({{"loss_nats_per_token", its}, {"loss_f32", nats}, {"cost_nats_per_token", its - nats}});
      }
      result["weights"] = weights.size();
      further(result, s, *weights.decoder, text, tasks, lines);
    }
    add_memory(result, c);
    return result;
  }
  void further(json& result, const subject& s, model::decoder<B, scalar<B>>& weights, const std::string& text,
               const std::vector<loaded_task>& tasks, std::string& lines) {
    if (o.by_position) result.update(position_losses<B>(weights, s.tokenizer->encode(text), o));
    if (s.recall) result["recall"] = s.recall->template run<B>(weights);
    if (!tasks.empty()) result["tasks"] = task_scores<B>(s.path, weights, *s.tokenizer, tasks, lines);
  }

  void tell(const json& result) const {
    if (o.json == "-") return print_result(result, "-");
    json plain = result;
    for (auto key : {"tasks", "beside", "by_position", "recall"}) plain.erase(key);
    if (result.contains("by_position"))
      for (auto& b : result.at("by_position").at("bins"))
        fmt::print("positions {} to {}: {:.4f} ± {:.2g}\n", b.at("from").template get<std::int64_t>(),
                   b.at("to").template get<std::int64_t>() - 1, b.at("loss").template get<double>(),
                   b.at("stderr").template get<double>());
    if (result.contains("recall")) print_recall(result.at("recall"));
    if (result.contains("tasks")) print_tasks(result.at("tasks"));
    print_result(plain, "");
    if (!result.contains("beside")) return;
    for (auto& other : result.at("beside")) fmt::print("\n"), tell(other);
  }

  B& backend;
  const registry& compositions;
  const evaluate_options& o;
  const model::branches alone = o.branch == "linear"   ? model::branches::linear
                                : o.branch == "window" ? model::branches::window
                                                       : model::branches::both;  // of models without a window, the whole
};

}  // namespace supra::program
