// The training loop's state: a model, an objective, gradients and moments, the place in the data. Checkpoints hold all of it,
// so that a run that was broken off goes on to the same bits. All of it is A = accumulator_t<T>: a model stored in bf16 is
// trained, kept and written in float.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "supra/io/safetensors.hpp"
#include "supra/io/safetensors_out.hpp"
#include "supra/train/objective.hpp"
#include "supra/train/window_dropout.hpp"

namespace supra::train {

struct trainer_settings {
  adamw_settings optimizer;
  std::int64_t steps = 0, batch = 8, accumulate = 1;
  std::string identity;                              // of the run: a checkpoint of another identity is refused
  std::int64_t first = 0;                            // steps that others took before, in the order of the data
  std::int64_t warm_up = 5;                          // steps, at least
  window_dropout dropout{};                          // of a hybrid; its steps are counted as `first` does
  bool repeats = true;                               // false: launched one by one, where a fault is looked for
};

struct step_result {
  double loss = 0, norm = 0, rate = 0;               // nats per token; of the gradient; lr's factor
  std::vector<std::pair<std::string, double>> parts;  // what the loss is the weighted sum of, where it is more than one
  bool linear_alone = false;                         // of a hybrid: the window was dropped
};

// The square of the gradient's norm, and after it the losses: one that is not finite makes the square so too, which the
// optimizer looks at.
struct note_square {
  const double* square;
  double* to;
  int losses;
  template <class Lanes> SUPRA_FN void operator()(Lanes lanes, std::int64_t) const {
    lanes.once([&, this] {
      double x = *square;
      for (int i = 1; i <= losses; ++i) x += 0 * to[i];
      *to = x;
    });
  }
};

template <class B, class T> class trainer {
 public:
  using A = accumulator_t<T>;
  using model_type = model::transformer<B, T>;
  // what: null for the text alone.
  trainer(B& b, model_type& m, const windows& data, trainer_settings s, std::unique_ptr<objective<B, T>> what = nullptr)
      : b(b),
        m(m),
        data(data),
        settings(std::move(s)),
        what(what ? std::move(what) : std::make_unique<text_objective<B, T>>(m)),
        optimizer(b, m.layout, settings.optimizer),
        gradients(b.template allocate<A>(m.layout.size())),
        outcome_(b.template allocate<double>(1 + static_cast<std::int64_t>(this->what->parts().size()))) {}

  std::int64_t tokens_per_step() const { return settings.batch * settings.accumulate * data.length(); }

  // One step. Throws std::runtime_error, the parameters untouched, when the loss or a gradient is no finite number, or memory
  // is too little.
  step_result step() {
    if constexpr (requires { b.peak_memory(); }) {
      try {
        return one_step();
      } catch (const too_little_memory&) {}
      throw too_little_memory(what_fits());
    } else {
      return one_step();
    }
  }

  void save(const std::filesystem::path& path) const {
    const auto p = down(m.parameters), mm = down(optimizer.m), vv = down(optimizer.v);
    io::write_safetensors(path, {out("parameters", p), out("moment1", mm), out("moment2", vv)},
                          {{"step", std::to_string(done)}, {"identity", identity()}}, io::existing::overwrite);
  }
  void restore(const std::filesystem::path& path) {
    const io::safetensors_file f(path);
    const auto& meta = f.metadata();
    io::need(meta.count("step") && meta.count("identity"), path.string(),
             ": is not a training checkpoint; remove it, or give another --out");
    io::need(meta.at("identity") == identity(), path.string(),
             ": the run that is to be resumed had other settings: ", difference(meta.at("identity"), identity()),
             "; give the same ones, or another --out");
    const std::string& step = meta.at("step");
    io::need(!step.empty() && step.size() < 19 && step.find_first_not_of("0123456789") == step.npos, path.string(),
             ": \"step\" must be a count, found ", io::in_quotes(step));
    const auto p = read(f, "parameters"), m1 = read(f, "moment1"),
               m2 = read(f, "moment2");  // all of it, before anything changes
    m.load(p);
    b.upload(m1.data(), optimizer.m.data(), m.layout.size()), b.upload(m2.data(), optimizer.v.data(), m.layout.size());
    done = std::stoll(step);
  }

  B& b;
  model_type& m;
  const windows& data;
  trainer_settings settings;
  std::unique_ptr<objective<B, T>> what;
  adamw<B, T> optimizer;
  decltype(std::declval<B&>().template allocate<A>(0)) gradients;
  std::int64_t done = 0;                             // steps

 private:
  std::string identity() const { return settings.identity + "," + what->identity(); }
  // What a step launches is the same each time and reads what was uploaded, so the backend may repeat it: a batch, of a hybrid
  // with the window or without; and what follows the last one.
  struct recordings {
    std::int64_t batch = 0, accumulate = 0;
    std::array<repeated<B>, 2> of_batch;
    repeated<B> of_end;
  };
  void upload(std::int64_t first, std::int64_t count) { what->upload(data.take(first, count), count, data.length()); }
  void launch() { what->launch(settings.accumulate, gradients.data(), outcome_.data() + 1); }
  void launch_end() {
    const auto square = launch_squared_norm(b, static_cast<const A*>(gradients.data()), m.layout.size());
    for_rows(b, 1, note_square{square.data(), outcome_.data(), static_cast<int>(outcome_.size()) - 1});
    optimizer.step(m.parameters.data(), gradients.data(), outcome_.data(), m.rounded());
  }
  step_result one_step() {
    step_result r;
    const std::int64_t first = (settings.first + done) * settings.accumulate;
    r.linear_alone = settings.dropout.drops(settings.first + done), r.rate = schedule(done, settings.steps, settings.warm_up);
    if (recorded_.batch != settings.batch || recorded_.accumulate != settings.accumulate)
      recorded_ = {settings.batch, settings.accumulate, {}, {}};
    const std::vector<double> none(static_cast<std::size_t>(outcome_.size()));
    b.upload(none.data(), outcome_.data(), outcome_.size()), optimizer.upload(done + 1, r.rate);
    const model::running run(m, r.linear_alone ? model::branches::linear : model::branches::both);
    for (std::int64_t i = 0; i < settings.accumulate; ++i) {
      upload((first + i) * settings.batch, settings.batch);
      recorded_.of_batch[r.linear_alone](b, settings.repeats, [this] { launch(); });
    }
    recorded_.of_end(b, settings.repeats, [this] { launch_end(); });
    read_outcome(r);  // the only wait of a step
    if (!std::isfinite(r.loss) || !std::isfinite(r.norm)) {
      const std::string why = explain(r.loss);
      gradients = b.template allocate<A>(m.layout.size());  // a caller may restore and go on
      throw std::runtime_error(why);
    }
    ++done;
    return r;
  }

  void read_outcome(step_result& r) {
    std::vector<double> x(static_cast<std::size_t>(outcome_.size()));
    b.download(static_cast<const double*>(outcome_.data()), x.data(), outcome_.size());
    r.norm = std::sqrt(x[0]);
    const auto parts = what->parts();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      r.loss += parts[i].weight * x[i + 1];
      if (parts.size() > 1) r.parts.emplace_back(parts[i].name, x[i + 1]);
    }
  }

  // What a step needs, measured with fewer sequences, and how many fit.
  std::string what_fits() {
    const auto peak = [&](std::int64_t count) -> std::int64_t {  // 0: it does not fit either
      try {
        b.peak_memory();
        upload(0, count), launch();
        return b.peak_memory();
      } catch (const too_little_memory&) { return 0; }
    };
    const auto text = [](std::int64_t n) { return std::to_string(n); };
    const auto megabytes = [&](std::int64_t n) { return text((n + 999999) / 1000000) + " MB"; };
    std::int64_t some = settings.batch / 2, of_some = 0, fit = 0;
    while (some > 0 && (of_some = peak(some)) == 0) some /= 2;
    const std::string step = "training: a step of " + text(settings.batch) + " sequences of " + text(data.length()) +
                             " tokens needs ",
                      there = megabytes(b.all_memory()) + " of the GPU's memory are there";
    std::string sentence = step + "more memory than there is, and so does one of a single sequence; " + there +
                           ": take shorter sequences (--seq) or a smaller model";
    if (some > 0) {
      const std::int64_t of_half = some > 1 ? peak(some / 2) : 0,
                         each = std::max<std::int64_t>(1, (of_some - of_half) / (some - some / 2));
      fit = std::min(settings.batch - 1, some + std::max<std::int64_t>(0, b.all_memory() / 100 * 99 - of_some) / each);
      while (fit > some && peak(fit) == 0) fit = std::max(some, fit - std::max<std::int64_t>(1, fit / 32));
      sentence = step + "about " + megabytes(of_some + (settings.batch - some) * each) + ", and " + there + ": --batch " +
                 text(fit) + " fits, with a larger --accumulate where a step should have as many tokens";
    }
    gradients = {};  // a caller may go on
    gradients = b.template allocate<A>(m.layout.size());
    return sentence;
  }

  template <class Buffer> std::vector<A> down(const Buffer& x) const {
    std::vector<A> h(static_cast<std::size_t>(x.size()));
    b.download(static_cast<const A*>(x.data()), h.data(), x.size());
    return h;
  }
  static io::tensor_out out(const char* name, const std::vector<A>& x) {
    return {name,
            sizeof(A) == 8 ? io::dtype::f64 : io::dtype::f32,
            {static_cast<std::int64_t>(x.size())},
            std::as_bytes(std::span<const A>(x))};
  }
  std::vector<A> read(const io::safetensors_file& f, const char* name) const {
    auto x = f.read<A>(name);
    io::need(static_cast<std::int64_t>(x.size()) == m.layout.size(), f.where(), ": ", name, " has ", x.size(),
             " numbers, the model ", m.layout.size());
    for (A y : x) io::need(std::isfinite(y), f.where(), ": ", name, " holds a number that is not finite");
    return x;
  }
  // Where two texts part: what stands there in each, from the last comma or brace before to the next.
  static std::string difference(const std::string& then, const std::string& now) {
    const auto at =
        static_cast<std::size_t>(std::mismatch(then.begin(), then.end(), now.begin(), now.end()).first - then.begin());
    auto piece = [&](const std::string& x) {
      const auto before = at == 0 ? x.npos : x.find_last_of(",{", at - 1), from = before == x.npos ? 0 : before + 1;
      return io::in_quotes(std::string_view(x).substr(from, x.find_first_of(",}", at) - from));
    };
    return piece(then) + " then, " + piece(now) + " now";
  }
  // Names the first tensor that is not finite: its values where the loss is bad, else its gradient.
  std::string explain(double loss) {
    const bool bad_loss = !std::isfinite(loss);
    std::string where = bad_loss ? "the loss" : "the gradient";
    auto finite = [&](const A* x, const model::tensor_info& t) { return std::isfinite(norm(b, x + t.offset, t.size)); };
    for (auto& t : m.layout.tensors()) {
      if (bad_loss && !finite(m.parameters.data(), t)) return stopped("a value of " + t.name + ", and with it the loss,");
      if (!bad_loss && !finite(gradients.data(), t)) return stopped("the gradient of " + t.name);
    }
    return stopped(where);
  }
  std::string stopped(const std::string& what) const {
    return "training stopped at step " + std::to_string(done) + ": " + what +
           " is not a finite number. The last checkpoint is kept; try a lower --lr";
  }

  decltype(std::declval<B&>().template allocate<double>(0)) outcome_;  // of a step: the square of the norm, parts of the loss
  recordings recorded_;
};

// Mean cross-entropy over the windows of a held-out stream, or over `limit` of them (0: all) spread evenly; of a hybrid's
// branches as `run` says.
template <class B, class T>
double evaluate(model::transformer<B, T>& m, const windows& data, std::int64_t batch_size, std::int64_t limit = 0,
                model::branches run = model::branches::both) {
  const model::running these(m, run);
  const std::int64_t n = limit > 0 ? std::min(limit, data.size()) : data.size();
  double sum = 0;
  for (std::int64_t i = 0; i < n; i += batch_size) {
    const std::int64_t count = std::min(batch_size, n - i);
    const batch x = data.in_order(i, count, n);
    m.forward(x.ids, count, data.length());
    sum += m.loss(x.targets);
  }
  return sum / static_cast<double>(n * data.length());
}

}  // namespace supra::train
