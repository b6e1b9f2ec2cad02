// A run of steps, linearizing and fit included, ends in the same bits on any number of threads.
#include <tbb/global_control.h>

#include "../io/temporary.hpp"
#include "../model/models.hpp"
#include "supra/model/linearize.hpp"
#include "supra/tbb/backend.hpp"
#include "supra/train/trainer.hpp"

using namespace supra;

namespace {
const tbb::global_control many(tbb::global_control::max_allowed_parallelism, 8);

std::vector<float> uptrained(int threads) {
  tbb_backend b(threads);
  model::config c;
  c.vocab = 96, c.dim = 64, c.layers = 2, c.heads = 4, c.kv_heads = 2, c.head_dim = 16, c.hidden = 160, c.max_length = 128;
  model::attention_registry<tbb_backend, float> registry;
  model::add_paper_attention(registry);
  const auto values = model::random_values<float>(c, 1);
  const auto student_c = model::student_config(c, {});
  model::transformer<tbb_backend, float> teacher(b, c, registry), student(b, student_c, registry);
  teacher.load(values), student.load(model::linearize(c, values, student_c, 2));
  std::vector<std::int32_t> stream;
  for (std::int64_t i = 0; i < 4000; ++i) stream.push_back(static_cast<std::int32_t>(i * i % 89 + i % 7));
  const train::windows data(stream, 128, 3);
  model::output_fit<tbb_backend, float> fit(teacher, student);
  fit.add(data.take(0, 8).ids, 8, 128), fit.solve();
  train::trainer_settings s;
  s.steps = 4, s.batch = 8;
  train::trainer<tbb_backend, float> t(b, student, data, s);
  for (int i = 0; i < 4; ++i) t.step();
  return student.values();
}
}  // namespace

BOOST_AUTO_TEST_CASE(the_bits_do_not_depend_on_threads) {
  const auto one = uptrained(1);
  for (float x : one) BOOST_REQUIRE(std::isfinite(x));
  for (int threads : {2, 3, 5}) BOOST_TEST((uptrained(threads) == one), threads << " threads");
}
