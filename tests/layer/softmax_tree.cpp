// Attention over segments that share beginnings, against each text alone.
#include "supra/layer/softmax_tree.hpp"

#include <random>

#include "supra/eigen/backend.hpp"
#include "test.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(each_text_as_if_it_were_alone) {
  constexpr int H = 4, G = 2, d = 6;
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::vector<std::vector<std::int32_t>> texts(4);
  const auto append = [&](std::size_t i, std::size_t n) {
    for (std::size_t j = 0; j < n; ++j) texts[i].push_back(static_cast<std::int32_t>(random() % 50));
  };
  append(0, 90);
  for (std::size_t i : {1, 2}) texts[i] = texts[0];
  append(0, 7), append(1, 70);
  texts[3] = texts[1];
  append(3, 5);
  const model::prefix_tree tree(texts);
  const auto n = tree.ids().size();
  std::vector<double> q(n * H * d), k(n * G * d), v(n * G * d), o(n * H * d);
  for (auto* x : {&q, &k, &v})
    for (auto& y : *x) y = normal(random);
  eigen_backend b;
  for (std::int64_t window : {0, 5, 80}) {
    std::fill(o.begin(), o.end(), NAN);
    const layer::softmax_tree_kernel<double> kernel{
        {0, window, H, G, d, q.data(), k.data(), v.data()}, tree.segments().data(), o.data()};
    b.launch(static_cast<std::int64_t>(tree.segments().size()) * H, kernel.scratch_bytes(), kernel);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto length = static_cast<std::int64_t>(texts[i].size());
      const auto rows_of = [&](const std::vector<double>& x, std::int64_t width) {
        std::vector<double> rows;
        for (std::int64_t t = 0; t < length; ++t) {
          const auto at = x.begin() + tree.row(i, t) * width;
          rows.insert(rows.end(), at, at + width);
        }
        return rows;
      };
      const auto q1 = rows_of(q, H * d), k1 = rows_of(k, G * d), v1 = rows_of(v, G * d), found = rows_of(o, H * d);
      std::vector<double> wanted(found.size(), NAN);
      const layer::softmax_forward_kernel<double> alone{{length, window, H, G, d, q1.data(), k1.data(), v1.data()},
                                                        wanted.data()};
      b.launch(H, alone.scratch_bytes(), alone);
      double most = 0;  // or NaN, once there is one
      for (std::size_t j = 0; j < found.size(); ++j)
        if (const double error = std::abs(found[j] - wanted[j]); std::isnan(error) || error > most) most = error;
      BOOST_TEST(most < 1e-13, "text " << i << ", window " << window << ": " << most);  // sums of 167 terms of size 1
    }
  }
}
