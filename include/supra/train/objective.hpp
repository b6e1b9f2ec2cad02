// What training minimises: an object that uploads a batch and launches its losses and gradients, so that the trainer's step is
// the same for all. Here: the next token of the text, and beside it a teacher's distribution. (The teacher's
// layers: transfer.hpp.)
#pragma once

#include <cstdio>

#include "supra/model/transformer.hpp"
#include "supra/train/adamw.hpp"
#include "supra/train/windows.hpp"

namespace supra::train {

struct loss_part {
  const char* name;
  double weight;  // in the loss
};

struct add_share {
  const double* of;
  double share;
  double* to;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t) const {
    lanes.once([&, this] { *to += share * *of; });
  }
};

template <class B, class T>
class objective {
 public:
  using A = accumulator_t<T>;
  using model_type = model::transformer<B, T>;
  virtual ~objective() = default;
  // What a checkpoint must agree with: "name key value ...", without commas.
  virtual std::string identity() const = 0;
  virtual std::vector<loss_part> parts() const { return {{"loss", 1}}; }
  // What launch reads of a batch of count sequences, to the backend's memory.
  virtual void upload(const batch& x, std::int64_t count, std::int64_t length) = 0;
  // Of the batch uploaded last, one of `batches` that make a step: adds its gradients to `gradients` (the layout's size), and
  // its share of the step's mean to `losses`, in the backend's memory, a number for each of parts() in their order; nats per
  // token, z-loss left out. The same launches each time for as many sequences as long, waiting for nothing (backend.hpp:
  // repeat).
  virtual void launch(std::int64_t batches, A* gradients, double* losses) = 0;

 protected:
  static std::string told(const char* name, double x) {
    char s[64];
    std::snprintf(s, sizeof s, " %s %.17g", name, x);
    return s;
  }
  static void add_mean(B& b, const layer::token_losses<B, T>& losses, std::int64_t predictions, double* to) {
    const auto sum = launch_sum(b, static_cast<const A*>(losses.values.data()), losses.values.size());
    for_rows(b, 1, add_share{sum.data(), 1 / static_cast<double>(predictions), to});
  }
};

// Cross-entropy of the text and z-loss.
template <class B, class T>
class text_objective : public objective<B, T> {
 public:
  explicit text_objective(model::transformer<B, T>& m, double z = 1e-4) : m(m), z(z) {}
  std::string identity() const override { return "text" + this->told("z", z); }
  void upload(const batch& x, std::int64_t count, std::int64_t length) override {
    m.upload(x.ids, count, length), m.upload_targets(x.targets);
  }
  void launch(std::int64_t batches, accumulator_t<T>* gradients, double* losses) override {
    const std::int64_t n = m.n() * batches;
    m.forward();
    this->add_mean(m.b, m.launch_loss(z, gradients, n), n, losses);
  }

 private:
  model::transformer<B, T>& m;
  double z;
};

// KL(teacher || student) and cross-entropy of the text. The teacher, of the same vocabulary, sees each batch once.
template <class B, class T>
class distill_objective : public objective<B, T> {
 public:
  distill_objective(model::transformer<B, T>& teacher, model::transformer<B, T>& student,
                    layer::distillation_weights weights = {})
      : teacher(teacher), student(student), weights(weights) {}
  std::string identity() const override {
    return "distill" + this->told("kl", weights.kl) + this->told("ce", weights.ce) + this->told("z", weights.z);
  }
  std::vector<loss_part> parts() const override { return {{"kl", weights.kl}, {"ce", weights.ce}}; }
  void upload(const batch& x, std::int64_t count, std::int64_t length) override {
    teacher.upload(x.ids, count, length), student.upload(x.ids, count, length), student.upload_targets(x.targets);
  }
  void launch(std::int64_t batches, accumulator_t<T>* gradients, double* losses) override {
    const std::int64_t n = student.n() * batches;
    teacher.forward(), student.forward();
    const auto of = student.launch_distillation(teacher, weights, gradients, n);
    this->add_mean(student.b, of.kl, n, losses), this->add_mean(student.b, of.ce, n, losses + 1);
  }

 private:
  model::transformer<B, T>&teacher, &student;
  layer::distillation_weights weights;
};

}  // namespace supra::train
