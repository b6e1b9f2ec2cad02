// AdamW against a computation by hand, clipping, which tensors decay, and the schedule.
#include "supra/train/adamw.hpp"

#include "../model/models.hpp"

using namespace supra_test;

namespace {

struct two_steps {                                       // a parameter p with gradients g1, g2, as the paper's algorithm 2
  double p;
  two_steps(double p, double g1, double g2, double lr, double decay, const supra::train::adamw_settings& s) : p(p) {
    double m = 0, v = 0;
    int t = 0;
    for (double g : {g1, g2}) {
      ++t;
      m = s.beta1 * m + (1 - s.beta1) * g, v = s.beta2 * v + (1 - s.beta2) * g * g;
      const double mhat = m / (1 - std::pow(s.beta1, t)), vhat = v / (1 - std::pow(s.beta2, t));
      this->p -= lr * (mhat / (std::sqrt(vhat) + s.eps) + decay * this->p);
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(two_steps_by_hand) {
  for (const char* name : {"teacher", "student", "student, per token", "student, hedgehog"}) {
    const auto c = models().at(name);
    backend b;
    const supra::model::parameter_layout layout(c);
    const supra::train::adamw_settings s{0.01, 0.03, 0.9, 0.95, 1e-8, 0.1, 1e9};
    supra::train::adamw<backend, double> optimizer(b, layout, s);
    auto p = some_values<double>(c), before = p;
    const auto g1 = some_values<double>(c, 1), g2 = some_values<double>(c, 2);
    std::int64_t number = 0;
    for (auto& g : {g1, g2}) {
      auto gradient = g;
      const double square = 1;
      optimizer.upload(++number, 0.5), optimizer.step(p.data(), gradient.data(), &square);
      for (double x : gradient) BOOST_REQUIRE(x == 0);   // cleared for the next step
    }
    double worst = 0;
    for (auto& t : layout.tensors()) {
      const bool matrix = t.shape.size() > 1 && !t.added;
      for (auto i = static_cast<std::size_t>(t.offset); i < static_cast<std::size_t>(t.offset + t.size); ++i)
        worst = std::max(
            worst,
            std::abs(
                p[i] -
                two_steps(before[i], g1[i], g2[i], 0.5 * (t.added ? s.lr_added : s.lr), matrix ? s.weight_decay : 0, s).p));
    }
    BOOST_TEST(worst <= 1e-12, name << ": " << worst);
  }
}

BOOST_AUTO_TEST_CASE(a_long_gradient_is_clipped) {
  const auto c = models().at("teacher");
  backend b;
  const supra::model::parameter_layout layout(c);
  auto g = some_values<double>(c, 1);
  double norm = 0;
  for (double x : g) norm += x * x;
  norm = std::sqrt(norm);
  BOOST_TEST(supra::train::norm(b, static_cast<const double*>(g.data()), layout.size()) == norm,
             boost::test_tools::tolerance(1e-13));
  supra::train::adamw<backend, double> optimizer(b, layout, {.clip = 0.25});
  auto p = some_values<double>(c);
  const double first = g[0];
  const double square = norm * norm;
  optimizer.upload(1, 1), optimizer.step(p.data(), g.data(), &square);
  BOOST_TEST(optimizer.m.data()[0] == 0.1 * first * 0.25 / norm, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(the_schedule_warms_up_and_falls_to_a_tenth) {
  using supra::train::schedule;
  BOOST_TEST(schedule(0, 1000) == 1.0 / 50, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(schedule(49, 1000) > 0.99);
  BOOST_TEST(schedule(500, 1000) == 0.55, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(schedule(1000, 1000) == 0.1, boost::test_tools::tolerance(1e-12));
  for (int i = 51; i < 1000; ++i) BOOST_TEST(schedule(i, 1000) < schedule(i - 1, 1000));
}
