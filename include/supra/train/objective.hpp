// What training minimises: an object that launches one batch's losses and gradients and waits for nothing, so that the
// trainer's step is the same for all. Here: the next token of the text, and beside it a teacher's distribution. (The teacher's
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

template <class B, class T>
class objective {
 public:
  using A = accumulator_t<T>;
  using model_type = model::transformer<B, T>;
  struct launched {  // a part of a batch's loss: a number in the backend's memory, and what makes of it a share of the step's
                     // mean
    decltype(std::declval<B&>().template allocate<double>(0)) sum;
    double factor;
  };
  virtual ~objective() = default;
  // What a checkpoint must agree with: "name key value ...", without commas.
  virtual std::string identity() const = 0;
  virtual std::vector<loss_part> parts() const { return {{"loss", 1}}; }
  // Adds the gradients of one of `batches` batches that make a step, each of count sequences, to `gradients` (the layout's
  // size). A number for each of parts(), in their order; nats per token, z-loss left out.
  virtual std::vector<launched> launch(const batch& x, std::int64_t count, std::int64_t length, std::int64_t batches,
                                       A* gradients) = 0;

 protected:
  static std::string told(const char* name, double x) {
    char s[64];
    std::snprintf(s, sizeof s, " %s %.17g", name, x);
    return s;
  }
  static launched summed(B& b, const layer::token_losses<B, T>& losses, std::int64_t predictions) {
    return {launch_sum(b, static_cast<const A*>(losses.values.data()), losses.values.size()),
            1 / static_cast<double>(predictions)};
  }
};

// Cross-entropy of the text and z-loss.
template <class B, class T>
class text_objective : public objective<B, T> {
 public:
  using typename objective<B, T>::launched;
  explicit text_objective(model::transformer<B, T>& m, double z = 1e-4) : m(m), z(z) {}
  std::string identity() const override { return "text" + this->told("z", z); }
  std::vector<launched> launch(const batch& x, std::int64_t count, std::int64_t length, std::int64_t batches,
                               accumulator_t<T>* gradients) override {
    const std::int64_t n = count * length * batches;
    m.forward(x.ids, count, length);
    std::vector<launched> all;
    all.push_back(this->summed(m.b, m.launch_loss(x.targets, z, gradients, n), n));
    return all;
  }

 private:
  model::transformer<B, T>& m;
  double z;
};

// KL(teacher || student) and cross-entropy of the text. The teacher, of the same vocabulary, sees each batch once.
template <class B, class T>
class distill_objective : public objective<B, T> {
 public:
  using typename objective<B, T>::launched;
  distill_objective(model::transformer<B, T>& teacher, model::transformer<B, T>& student,
                    layer::distillation_weights weights = {})
      : teacher(teacher), student(student), weights(weights) {}
  std::string identity() const override {
    return "distill" + this->told("kl", weights.kl) + this->told("ce", weights.ce) + this->told("z", weights.z);
  }
  std::vector<loss_part> parts() const override { return {{"kl", weights.kl}, {"ce", weights.ce}}; }
  std::vector<launched> launch(const batch& x, std::int64_t count, std::int64_t length, std::int64_t batches,
                               accumulator_t<T>* gradients) override {
    const std::int64_t n = count * length * batches;
    teacher.forward(x.ids, count, length), student.forward(x.ids, count, length);
    const auto losses = student.launch_distillation(teacher, x.targets, weights, gradients, n);
    std::vector<launched> all;
    all.push_back(this->summed(student.b, losses.kl, n)), all.push_back(this->summed(student.b, losses.ce, n));
    return all;
  }

 private:
  model::transformer<B, T>&teacher, &student;
  layer::distillation_weights weights;
};

}  // namespace supra::train
