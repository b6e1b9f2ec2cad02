// The training loop's state: a model, its gradients and moments, its place in the data. Checkpoints hold all of it, so that a run
// that was broken off goes on to the same bits.
#pragma once

#include <filesystem>
#include <memory>

#include "supra/io/safetensors.hpp"
#include "supra/io/safetensors_out.hpp"
#include "supra/model/transformer.hpp"
#include "supra/train/adamw.hpp"
#include "supra/train/windows.hpp"

namespace supra::train {

struct trainer_settings {
  adamw_settings optimizer;
  std::int64_t steps = 0, batch = 8, accumulate = 1;
  double z_loss = 1e-4;
  std::string identity;                              // of the run: a checkpoint of another identity is refused
};

struct step_result {
  double loss = 0, norm = 0, rate = 0;               // nats per token; of the gradient; lr's factor
};

template <class B, class T> class trainer {
 public:
  using model_type = model::transformer<B, T>;
  trainer(B& b, model_type& m, const windows& data, trainer_settings s)
      : b(b), m(m), data(data), settings(std::move(s)), optimizer(b, m.layout, settings.optimizer), gradients(b.template allocate<T>(m.layout.size())) {}

  std::int64_t tokens_per_step() const { return settings.batch * settings.accumulate * data.length(); }

  // One step. Throws std::runtime_error, the parameters untouched, when the loss or a gradient is no finite number.
  step_result step() {
    step_result r;
    for (std::int64_t i = 0; i < settings.accumulate; ++i) {
      const batch x = data.take((done * settings.accumulate + i) * settings.batch, settings.batch);
      m.forward(x.ids, settings.batch, data.length());
      const std::int64_t n = settings.batch * data.length() * settings.accumulate;
      r.loss += m.loss(x.targets, settings.z_loss, gradients.data(), n) / static_cast<double>(n);
    }
    r.norm = norm(b, static_cast<const T*>(gradients.data()), m.layout.size());
    if (!std::isfinite(r.loss) || !std::isfinite(r.norm)) throw std::runtime_error(explain(r.loss));
    r.rate = schedule(done, settings.steps);
    optimizer.step(m.parameters.data(), gradients.data(), r.rate, r.norm);
    ++done;
    return r;
  }

  void save(const std::filesystem::path& path) const {
    std::vector<io::tensor_out> tensors;
    const auto p = down(m.parameters), mm = down(optimizer.m), vv = down(optimizer.v);
    io::write_safetensors(path, {out("parameters", p), out("moment1", mm), out("moment2", vv)},
                          {{"step", std::to_string(done)}, {"identity", settings.identity}}, io::existing::overwrite);
  }
  void restore(const std::filesystem::path& path) {
    const io::safetensors_file f(path);
    const auto& meta = f.metadata();
    io::need(meta.count("step") && meta.count("identity"), path.string(), ": is not a training checkpoint; remove it, or give another --out");
    io::need(meta.at("identity") == settings.identity, path.string(), ": the run that is to be resumed had other settings (", meta.at("identity"), "; now ",
             settings.identity, "); give the same ones, or another --out");
    up(f, "parameters", m.parameters), up(f, "moment1", optimizer.m), up(f, "moment2", optimizer.v);
    done = optimizer.steps = std::stoll(meta.at("step"));
  }

  B& b;
  model_type& m;
  const windows& data;
  trainer_settings settings;
  adamw<B, T> optimizer;
  decltype(std::declval<B&>().template allocate<T>(0)) gradients;
  std::int64_t done = 0;                             // steps

 private:
  template <class Buffer> std::vector<T> down(const Buffer& x) const {
    std::vector<T> h(static_cast<std::size_t>(x.size()));
    b.fence(), b.download(static_cast<const T*>(x.data()), h.data(), x.size());
    return h;
  }
  static io::tensor_out out(const char* name, const std::vector<T>& x) {
    return {name, sizeof(T) == 8 ? io::dtype::f64 : io::dtype::f32, {static_cast<std::int64_t>(x.size())}, std::as_bytes(std::span<const T>(x))};
  }
  template <class Buffer> void up(const io::safetensors_file& f, const char* name, Buffer& to) {
    const auto x = f.read<T>(name);
    io::need(static_cast<std::int64_t>(x.size()) == m.layout.size(), f.where(), ": ", name, " has ", x.size(), " numbers, the model ", m.layout.size());
    b.upload(x.data(), to.data(), m.layout.size());
  }
  std::string explain(double loss) {
    std::string where = "the loss";
    if (std::isfinite(loss))
      for (auto& t : m.layout.tensors())
        if (!std::isfinite(norm(b, static_cast<const T*>(gradients.data() + t.offset), t.size))) {
          where = "the gradient of " + t.name;
          break;
        }
    return "training stopped at step " + std::to_string(done) + ": " + where + " is not a finite number. The last checkpoint is kept; try a lower --lr";
  }
};

// Mean cross-entropy over the windows of a held-out stream in order, at most `limit` of them (0: all).
template <class B, class T> double evaluate(model::transformer<B, T>& m, const windows& data, std::int64_t batch_size, std::int64_t limit = 0) {
  const std::int64_t n = limit > 0 ? std::min(limit, data.size()) : data.size();
  double sum = 0;
  for (std::int64_t i = 0; i < n; i += batch_size) {
    const std::int64_t count = std::min(batch_size, n - i);
    const batch x = data.in_order(i, count);
    m.forward(x.ids, count, data.length());
    sum += m.loss(x.targets);
  }
  return sum / static_cast<double>(n * data.length());
}

}  // namespace supra::train
