// From teacher to student: weights are copied, added tensors start as they should, the output fit is the least squares
// solution.
#include "supra/model/linearize.hpp"

#include "models.hpp"

using namespace supra_test;
namespace model = supra::model;

namespace {

model::linear_attention_config attention(const char* name) { return models().at(name).attention; }

// A map's element before noise, from its words: head by head, row j is the unit row j % in, with a sign for j / in.
double map_begins(const model::config& c, const model::tensor_info& t, std::int64_t i) {
  const bool first = t.name.find(".map_q.weight") != t.name.npos || t.name.find(".map_k.weight") != t.name.npos;
  const auto R = static_cast<std::int64_t>(c.attention.map_width * static_cast<double>(c.head_dim) + 0.5),
             in = first ? c.head_dim : R;
  std::int64_t row = i / t.shape.back(), column = i % t.shape.back();
  if (c.attention.map == model::map_kind::dense) {
    if (row / R != column / in) return 0;            // of another head
    column %= in;
  }
  row %= R;
  if (row % in != column) return 0;
  return row / in % 2 == 0 ? 1 : -1;
}

// Mean squared difference of the student's attention outputs to the teacher's on the teacher's layer inputs, over their mean
// square.
double mismatch(model::transformer<backend, double>& teacher, model::transformer<backend, double>& student,
                const std::vector<std::int32_t>& ids, std::int64_t length, std::int64_t l) {
  const auto count = static_cast<std::int64_t>(ids.size()) / length;
  teacher.forward(ids, count, length);
  student.prepare(count, length);
  teacher.run_attention(l, teacher.layer_input(l)), student.run_attention(l, teacher.layer_input(l));
  double difference = 0, size = 0;
  for (std::int64_t i = 0; i < count * length * teacher.c.dim; ++i) {
    const double y = teacher.attention_output()[i], x = student.attention_output()[i];
    difference += (x - y) * (x - y), size += y * y;
  }
  return difference / size;
}

void check_fit(const char* name) {
  const auto c = models().at("teacher");
  const auto s = model::student_config(c, attention(name));
  made<double> teacher(c), student(s);
  auto start = model::linearize(c, teacher.m.values(), s, 1);
  const auto trained = some_values<double>(s);
  for (auto& t : student.m.layout.tensors())
    if (t.name.ends_with("output_gate.weight")) std::copy_n(trained.begin() + t.offset, t.size, start.begin() + t.offset);
  student.m.load(start);
  const auto ids = random_tokens(c.vocab, 400, 2), more = random_tokens(c.vocab, 400, 3);
  std::vector<double> before, after;
  for (std::int64_t l = 0; l < c.layers; ++l) before.push_back(mismatch(teacher.m, student.m, ids, 40, l));
  model::output_fit fit(teacher.m, student.m);
  fit.add(ids, 10, 40), fit.add(more, 10, 40);
  fit.solve();
  auto both = ids;
  both.insert(both.end(), more.begin(), more.end());
  for (std::int64_t l = 0; l < c.layers; ++l) {
    after.push_back(mismatch(teacher.m, student.m, both, 40, l));
    BOOST_TEST(after.back() < 1);
    BOOST_TEST(after.back() < 0.5 * before[static_cast<std::size_t>(l)],
               before[static_cast<std::size_t>(l)] << " -> " << after.back());
  }
  // No direction in Wo improves on it (the ridge is small): the error is flat to first order and grows to second.
  auto values = student.m.values();
  const auto& t = student.m.layout.at("model.layers.1.self_attn.o_proj.weight");
  const auto direction = some_values<double>(s, 7);
  auto moved = [&](double by) {
    auto x = values;
    for (auto i = static_cast<std::size_t>(t.offset); i < static_cast<std::size_t>(t.offset + t.size); ++i)
      x[i] += by * direction[i];
    student.m.load(x);
    return mismatch(teacher.m, student.m, both, 40, 1);
  };
  const double up = moved(0.1), down = moved(-0.1);
  BOOST_TEST(up > after[1]);
  BOOST_TEST(down > after[1]);
  BOOST_TEST(std::abs(up - down) < 0.02 * (up + down - 2 * after[1]));
}

// A hybrid's: gains first, by which the linear branch alone comes as near to the teacher's heads as gains can bring it; then
// Wo, of the whole and of each branch alone.
void check_fit_of_hybrid(const char* name) {
  const auto c = models().at("teacher");
  auto attention = hybrids().at(name).attention;
  attention.window = 7;
  const auto s = model::student_config(c, attention);
  made<double> teacher(c), student(s);
  auto start = model::linearize(c, teacher.m.values(), s, 1);
  const auto trained = some_values<double>(s);
  for (auto& t : student.m.layout.tensors())
    if (t.name.ends_with("branch_mix")) std::copy_n(trained.begin() + t.offset, t.size, start.begin() + t.offset);
  student.m.load(start);
  const auto ids = random_tokens(c.vocab, 400, 2), more = random_tokens(c.vocab, 400, 3);
  auto all = ids;
  all.insert(all.end(), more.begin(), more.end());
  const auto off = [&](std::int64_t l) {
    double sum = 0;
    for (auto run : {model::branches::both, model::branches::linear, model::branches::window}) {
      const model::running these(student.m, run);
      sum += mismatch(teacher.m, student.m, all, 40, l);
    }
    return sum;
  };
  const double before = off(1);
  model::output_fit fit(teacher.m, student.m);
  fit.add(ids, 10, 40), fit.add(more, 10, 40);
  fit.solve();
  const double after = off(1);
  BOOST_TEST(after < before, before << " -> " << after);
  if (student.m.layout.has("model.layers.1.self_attn.normalizer")) {
    const model::running alone(student.m, model::branches::linear);
    student.m.prepare(20, 40), teacher.m.forward(all, 20, 40);
    teacher.m.run_attention(1, teacher.m.layer_input(1)), student.m.run_attention(1, teacher.m.layer_input(1));
    const std::int64_t n = c.heads * c.head_dim;
    for (std::int64_t i = 0; i < n; ++i) {
      double along = 0, size = 0;
      for (std::int64_t t = 0; t < 800; ++t) {
        const double y = teacher.m.heads_output(1)[t * n + i], z = student.m.heads_output(1)[t * n + i];
        along += z * (y - z), size += std::abs(z * y);
      }
      BOOST_TEST(std::abs(along) <= 1e-10 * size);
    }
  }
  auto values = student.m.values();
  const auto& t = student.m.layout.at("model.layers.1.self_attn.o_proj.weight");
  const auto direction = some_values<double>(s, 7);
  auto moved = [&](double by) {
    auto x = values;
    for (auto i = static_cast<std::size_t>(t.offset); i < static_cast<std::size_t>(t.offset + t.size); ++i)
      x[i] += by * direction[i];
    student.m.load(x);
    return off(1);
  };
  const double up = moved(0.1), down = moved(-0.1);
  BOOST_TEST((up > after && down > after));
  BOOST_TEST(std::abs(up - down) < 0.02 * (up + down - 2 * after));
}

}  // namespace

BOOST_AUTO_TEST_CASE(weights_are_copied_and_new_ones_start_well) {
  for (const char* name : {"student", "student, qk-norm", "student, hedgehog", "student, per token", "student, output gate",
                           "student, no map", "student, deep maps", "student, wide maps"})
    BOOST_TEST_CONTEXT(name) {
      auto teacher = models().at("teacher, window");
      teacher.kv_heads = models().at(name).kv_heads;
      const auto values = some_values<double>(teacher);
      auto given = attention(name);
      given.window = name == std::string("student, output gate") ? 7 : 0;
      const auto c = model::student_config(teacher, given);
      BOOST_TEST(c.linear);
      const auto v = model::linearize(teacher, values, c, 3), again = model::linearize(teacher, values, c, 3),
                 other = model::linearize(teacher, values, c, 4);
      BOOST_TEST((v == again));
      BOOST_TEST((v != other) == (c.attention.map != model::map_kind::none));
      const model::parameter_layout from(teacher), to(c);
      for (auto& t : to.tensors()) {
        const double* x = v.data() + t.offset;
        auto is = [&](const char* end) { return t.name.ends_with(end); };
        const auto width = t.shape.back();
        const bool map = t.name.find("self_attn.map_") != t.name.npos;
        for (std::int64_t i = 0; i < t.size; ++i) {
          if (!t.added)
            BOOST_REQUIRE(x[i] == values[static_cast<std::size_t>(from.at(t.name).offset + i)]);
          else if (map && is(".weight"))
            BOOST_REQUIRE(std::abs(x[i] - map_begins(c, t, i)) < 0.12 / std::sqrt(static_cast<double>(width)));
          else if (map || is("decay_gate.weight") || is("output_gate.weight"))
            BOOST_REQUIRE(x[i] == 0);
          else if (is("branch_mix"))
            BOOST_REQUIRE(x[i] == 2);
          else if (is("self_attn.decay"))
            BOOST_REQUIRE(std::abs(std::exp(x[i]) - std::pow(4.0, -static_cast<double>(i + 1))) < 1e-12);  // slopes of 4 heads
          else if (is("decay_gate.bias"))
            BOOST_REQUIRE(std::abs(std::log1p(std::exp(-x[i])) - std::pow(4.0, -static_cast<double>(i + 1))) < 1e-12);
          else
            BOOST_REQUIRE(x[i] == 1);
        }
      }
    }
}

BOOST_AUTO_TEST_CASE(a_scaled_teacher_scales_its_student) {
  auto a = attention("student");
  BOOST_TEST(model::student_config(models().at("teacher"), a).attention.position == "rope");
  BOOST_TEST(model::student_config(models().at("teacher, yarn"), a).attention.position == "rope_scaled");
  a.position = "rope_before";                         // turns as the teacher does, whatever that is
  const auto c = model::student_config(models().at("teacher, yarn"), a);
  BOOST_TEST((c.attention.position == "rope_before" && c.scaling.kind == "yarn"));
}

// Where maps have no noise, a wider one gives relu both sides of a number, and a square one after it changes nothing.
BOOST_AUTO_TEST_CASE(wide_maps_begin_with_both_sides) {
  auto c = models().at("student, wide maps");
  for (double width : {0.5, 1.0, 2.0, 2.5}) {
    c.head_dim = 8, c.attention.map_width = width;
    const auto r = model::mapped_width(c);
    const model::tensor_info one{"map_q.weight", {4, r, 8}, 0, 32 * r}, next{"map_q.1.weight", {4, r, r}, 0, 4 * r * r};
    for (std::int64_t i = 0; i < 4 * r * 8; ++i) {
      const std::int64_t row = i / 8 % r, wanted = row % 8 != i % 8 ? 0 : row / 8 == 1 ? -1 : 1;
      BOOST_TEST(model::map_start(c, one, i) == wanted);
    }
    for (std::int64_t i = 0; i < 4 * r * r; ++i) BOOST_TEST(model::map_start(c, next, i) == (i / r % r == i % r));
  }
}

BOOST_AUTO_TEST_CASE(grouped_heads_do_not_share_a_map) {
  auto a = attention("student");
  a.shared_map = true;
  BOOST_TEST(!model::student_config(models().at("teacher, window"), a).attention.shared_map);
  BOOST_TEST(model::student_config(models().at("teacher"), a).attention.shared_map);
}

// Every number of a student's key and value heads is that of the teacher's head which served their query heads, h / (heads /
// kv_heads); all else is as without more heads.
BOOST_AUTO_TEST_CASE(more_key_heads_are_copies) {
  auto teacher = models().at("teacher, window");
  teacher.heads = 8, teacher.head_dim = 3 * 2, teacher.kv_heads = 2;
  const auto values = some_values<double>(teacher);
  for (std::int64_t kv_heads : {2, 4, 8}) {
    const auto c = model::student_config(teacher, attention("student, output gate"), kv_heads);
    BOOST_TEST((c.kv_heads == kv_heads && !c.attention.shared_map));
    const auto v = model::linearize(teacher, values, c, 3);
    const model::parameter_layout from(teacher), to(c);
    for (auto& t : to.tensors()) {
      if (t.added) continue;
      const double *x = v.data() + t.offset, *y = values.data() + from.at(t.name).offset;
      if (t.name.find("k_proj") == t.name.npos && t.name.find("v_proj") == t.name.npos) {
        BOOST_TEST(t.size == from.at(t.name).size);
        BOOST_TEST(std::equal(x, x + t.size, y), t.name);
        continue;
      }
      const std::int64_t rows = c.head_dim, columns = t.size / (kv_heads * rows);  // of a head; a bias has one column
      BOOST_TEST(from.at(t.name).size == 2 * rows * columns);
      for (std::int64_t h = 0; h < c.heads; ++h)
        for (std::int64_t i = 0; i < rows * columns; ++i)
          BOOST_REQUIRE(x[h / (8 / kv_heads) * rows * columns + i] == y[h / (8 / 2) * rows * columns + i]);
    }
  }
}

// With the same maps of keys for the heads of a group, the student with a key head for each query head computes what the one
// with grouped heads does: heads, their sums of tokens, all.
BOOST_AUTO_TEST_CASE(copied_heads_leave_the_function) {
  for (const char* name : {"student, per token", "student, output gate", "student, hedgehog", "student, wide maps",
                           "student, rope before", "student, qk-norm", "student, no map"})
    BOOST_TEST_CONTEXT(name) {
      auto teacher = models().at(name);
      teacher.linear = false, teacher.attention = {};
      const auto values = some_values<double>(teacher);
      auto given = attention(name);
      given.window = name == std::string("student, output gate") ? 7 : 0;
      const auto grouped_c = model::student_config(teacher, given),
                 wide_c = model::student_config(teacher, given, teacher.heads);
      made<double> grouped(grouped_c), wide(wide_c);
      // Values of the added tensors that are not at their beginning; the keys' of a head are those of its group's.
      auto start = model::linearize(teacher, values, grouped_c, 1), copied = model::linearize(teacher, values, wide_c, 1);
      const auto trained = some_values<double>(grouped_c);
      const std::int64_t group = teacher.heads / teacher.kv_heads;
      for (auto& t : grouped.m.layout.tensors()) {
        if (!t.added) continue;
        std::copy_n(trained.begin() + t.offset, t.size, start.begin() + t.offset);
        const auto& to = wide.m.layout.at(t.name);
        const std::int64_t n = to.size == t.size ? t.size : t.size / teacher.kv_heads;
        if (to.size == group * t.size || to.size == t.size) {
          for (std::int64_t i = 0; i < to.size / n; ++i)
            std::copy_n(start.begin() + t.offset + i / group * n, n, copied.begin() + to.offset + i * n);
          continue;
        }
        // A dense map, (G R, G d): what it takes of each group's row it takes in equal parts of the group's copies.
        BOOST_TEST_REQUIRE(to.size == group * group * t.size);
        const std::int64_t columns = t.shape[1], in = columns / teacher.kv_heads, out = t.shape[0] / teacher.kv_heads;
        for (std::int64_t i = 0; i < to.size; ++i) {
          const std::int64_t r = i / to.shape[1], j = i % to.shape[1],
                             at = (r / out / group * out + r % out) * columns + j / in / group * in + j % in;
          copied[static_cast<std::size_t>(to.offset + i)] =
              start[static_cast<std::size_t>(t.offset + at)] / static_cast<double>(group);
        }
      }
      grouped.m.load(start), wide.m.load(copied);
      const auto ids = random_tokens(teacher.vocab, 3 * 40, 5);
      const auto same = [&](const double* x, const double* y, std::int64_t n) {
        double off = 0, size = 0;
        for (std::int64_t i = 0; i < n; ++i) off = std::max(off, std::abs(x[i] - y[i])), size = std::max(size, std::abs(y[i]));
        BOOST_TEST(off <= 1e-12 * size, off << " of " << size);  // roundings of sums of 40 numbers, in two layers
        BOOST_TEST(size > 0);
      };
      grouped.m.forward(ids, 3, 40), wide.m.forward(ids, 3, 40);
      BOOST_TEST(wide.m.loss(ids) == grouped.m.loss(ids), boost::test_tools::tolerance(1e-12));
      for (std::int64_t l = 0; l < teacher.layers; ++l) {
        grouped.m.run_attention(l, grouped.m.layer_input(l)), wide.m.run_attention(l, wide.m.layer_input(l));
        same(wide.m.heads_output(l), grouped.m.heads_output(l), 120 * teacher.heads * teacher.head_dim);
        same(wide.m.attention_output(), grouped.m.attention_output(), 120 * teacher.dim);
      }
    }
}

BOOST_AUTO_TEST_CASE(key_heads_that_no_copies_make_are_refused) {
  auto teacher = models().at("teacher");
  teacher.heads = 12, teacher.kv_heads = 2, teacher.head_dim = 2;
  for (std::int64_t wrong : {-2, 1, 3, 8, 24})
    try {
      model::student_config(teacher, attention("student"), wrong);
      BOOST_ERROR("accepted " << wrong);
    } catch (const std::invalid_argument& e) {
      BOOST_TEST(e.what() == "a student's kv_heads must be a multiple of its teacher's (2) that divides the heads (12), so "
                             "one of 2, 4, 6, 12; found " + std::to_string(wrong));
    }
  auto student = model::student_config(teacher, attention("student"));
  student.kv_heads = 1;
  BOOST_CHECK_THROW(model::linearize(teacher, some_values<double>(teacher), student, 1), std::invalid_argument);
}

// A gate that is not 1 counts: the fit is of what Wo multiplies.
BOOST_AUTO_TEST_CASE(the_fit_is_the_least_squares_solution) {
  for (const char* name : {"student", "student, output gate"}) BOOST_TEST_CONTEXT(name) check_fit(name);
}

BOOST_AUTO_TEST_CASE(the_fit_of_a_hybrid_is_of_both_branches) {
  for (const char* name : {"student, output gate, window", "student, rope before, window", "student, window"})
    BOOST_TEST_CONTEXT(name) check_fit_of_hybrid(name);
}

BOOST_AUTO_TEST_CASE(cholesky_solves) {
  const std::int64_t n = 9, m = 3;
  const auto c = some_values<double>(models().at("teacher"));
  std::vector<double> a(81, 0), x(27), r(27, 0);
  for (std::size_t i = 0; i < 27; ++i) x[i] = c[i + 100];
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t j = 0; j < 9; ++j)
      for (std::size_t k = 0; k < 12; ++k) a[i * 9 + j] += c[i * 12 + k] * c[j * 12 + k];
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t k = 0; k < 9; ++k)
      for (std::size_t j = 0; j < 3; ++j) r[i * 3 + j] += a[i * 9 + k] * x[k * 3 + j];
  model::solve_positive(n, m, a, r);
  for (std::size_t i = 0; i < 27; ++i) BOOST_TEST(std::abs(r[i] - x[i]) < 1e-9);
  std::vector<double> zero(81, 0);
  BOOST_CHECK_THROW(model::solve_positive(n, m, zero, r), std::runtime_error);
}
