// The verbs of the CUDA backend: memory, launches with near and far scratch, products of every type against double, errors.
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "gpu.hpp"
#include "supra/layer/linear.hpp"
#include "supra/supra.hpp"

using namespace supra;

namespace {

template <class T>
auto up(cuda_backend& b, const std::vector<T>& x) {
  auto y = b.allocate<T>(static_cast<std::int64_t>(x.size()));
  b.upload(x.data(), y.data(), y.size());
  return y;
}
template <class T>
std::vector<T> down(cuda_backend& b, const cuda::buffer<T>& x) {
  std::vector<T> y(static_cast<std::size_t>(x.size()));
  b.download(static_cast<const T*>(x.data()), y.data(), x.size());
  return y;
}
template <class T>
std::vector<T> filled(std::int64_t n, std::uint64_t seed) {
  std::mt19937_64 g(seed);
  std::normal_distribution<float> normal;
  std::vector<T> x;
  for (std::int64_t i = 0; i < n; ++i) x.push_back(T(normal(g)));
  return x;
}

struct strided_matrix {  // rows x cols, ld apart; what lies between is never written
  std::int64_t rows, cols, ld;
};

// m x n over k, the rows of a, b and c so many elements farther apart than they are long, the first this far from the start.
struct product_case {
  std::int64_t m, n, k, gap, shift;
};

// Each number within what k + 3 roundings of sums can make of it, and of the type it is stored as: one, or two where c is added
// (cuBLASLt may round the product first).
template <class T, class C>
void products() {
  using A = accumulator_t<T>;
  cuda_backend backend;
  for (const auto [m, n, k, gap, shift] : {product_case{1, 70, 300, 0, 0},
                                           {3, 5, 7, 0, 0},
                                           {130, 172, 64, 0, 0},
                                           {97, 129, 300, 3, 1},
                                           {256, 512, 128, 8, 16},
                                           {64, 64, 4096, 0, 0},
                                           {2, 3, 0, 1, 0}})
    for (op oa : {op::plain, op::transposed})
      for (op ob : {op::plain, op::transposed})
        for (auto [alpha, beta] : {std::array<A, 2>{1, 0}, {1, 1}, {A(0.5), 2}}) {
          const strided_matrix la{oa == op::plain ? m : k, oa == op::plain ? k : m, (oa == op::plain ? k : m) + gap},
              lb{ob == op::plain ? k : n, ob == op::plain ? n : k, (ob == op::plain ? n : k) + gap}, lc{m, n, n + gap};
          const auto room = [&](const strided_matrix& x) { return shift + x.rows * x.ld + 1; };
          const auto a = filled<T>(room(la), 1), b = filled<T>(room(lb), 2);
          auto c = filled<C>(room(lc), 3);
          if (beta == 0) std::fill(c.begin(), c.end(), C(std::numeric_limits<float>::quiet_NaN()));
          auto da = up(backend, a), db = up(backend, b);
          auto dc = up(backend, c), again = up(backend, c);
          for (auto* to : {&dc, &again})
            backend.gemm(oa, ob, m, n, k, alpha, static_cast<const T*>(da.data() + shift), std::max<std::int64_t>(la.ld, 1),
                         static_cast<const T*>(db.data() + shift), std::max<std::int64_t>(lb.ld, 1), beta, to->data() + shift,
                         lc.ld);
          const auto found = down(backend, dc), twice = down(backend, again);
          BOOST_TEST(std::memcmp(found.data(), twice.data(), found.size() * sizeof(C)) == 0);
          double worst = 0;
          std::size_t inside = 0;
          for (std::int64_t i = 0; i < m; ++i)
            for (std::int64_t j = 0; j < n; ++j) {
              double sum = 0, size = 0;
              for (std::int64_t l = 0; l < k; ++l) {
                const double x = A(a[static_cast<std::size_t>(shift + (oa == op::plain ? i * la.ld + l : l * la.ld + i))]),
                             y = A(b[static_cast<std::size_t>(shift + (ob == op::plain ? l * lb.ld + j : j * lb.ld + l))]);
                sum += x * y, size += std::abs(x * y);
              }
              const auto at = static_cast<std::size_t>(shift + i * lc.ld + j);
              const double before = beta == 0 ? 0 : static_cast<double>(A(c[at])), wanted = alpha * sum + beta * before,
                           limit =
                               static_cast<double>(k + 3) * unit_roundoff<A> * (alpha * size + beta * std::abs(before)) * 1.01 +
                               unit_roundoff<C> * (std::abs(wanted) + (beta == 0 ? 0 : std::abs(alpha * sum))) * 1.02;
              const double error = std::abs(static_cast<double>(A(found[at])) - wanted);
              worst = error <= limit ? std::max(worst, limit > 0 ? error / limit : 0) : 2;
              if (!(error <= limit)) ++inside;
            }
          BOOST_TEST(worst <= 1, m << " x " << n << " x " << k << ", " << (oa == op::plain ? "plain " : "transposed ")
                                   << (ob == op::plain ? "plain" : "transposed") << ", alpha " << alpha << ", beta " << beta
                                   << ": " << inside << " numbers are off");
          for (std::int64_t i = 0; i < m; ++i)  // between the rows
            for (std::int64_t j = n; j < lc.ld; ++j) {
              const auto at = static_cast<std::size_t>(shift + i * lc.ld + j);
              BOOST_REQUIRE(std::memcmp(&found[at], &c[at], sizeof(C)) == 0);
            }
        }
}

// Each team fills its scratch, waits for all its threads, and adds up what they wrote.
struct fill_and_add {
  int n;
  std::int64_t* to;
  template <class Team>
  SUPRA_FN void operator()(Team& team, std::int64_t i) const {
    int* const x = team.template scratch<int>(n);
    team.rows(n, [&](auto lanes, int r) { lanes.once([&] { x[r] = static_cast<int>(i) + r; }); });
    team.sync();
    team.rows(1, [&, this](auto lanes, int) {
      const auto sum = lanes.sum(n, [&](auto j) { return static_cast<std::int64_t>(x[int(j)]); });
      lanes.once([&] { to[i] = sum; });
    });
  }
};

struct add_one {
  double* x;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    lanes.once([&, this] { x[r] += 1; });
  }
};
struct add_from {
  const double* from;
  double* x;
  template <class Lanes>
  SUPRA_FN void operator()(Lanes lanes, std::int64_t r) const {
    lanes.once([&, this] { x[r] += from[r]; });
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(matrix_products) {
  products<bf16, bf16>(), products<bf16, float>(), products<float, float>(), products<double, double>();
}

// Of small whole numbers, whose sums are exact: the same bits as one by one. Heads side by side in rows, as layers have them.
BOOST_AUTO_TEST_CASE(many_products_at_once) {
  cuda_backend b;
  const auto whole = [](std::int64_t n, int by) {
    std::vector<bf16> x;
    for (std::int64_t i = 0; i < n; ++i) x.push_back(bf16(static_cast<float>(i * by % 9 - 4)));
    return x;
  };
  for (const auto [h, n, in, out] :
       {std::array<std::int64_t, 4>{3, 70, 16, 16}, {32, 300, 64, 64}, {4, 33, 48, 80}, {5, 17, 3, 7}}) {
    const auto x = up(b, whole(n * h * in, 7)), w = up(b, whole(h * out * in, 5)), dy = up(b, whole(n * h * out, 11));
    auto y = up(b, whole(n * h * out, 1)), y1 = up(b, whole(n * h * out, 1)), dx = up(b, whole(n * h * in, 1)),
         dx1 = up(b, whole(n * h * in, 1));
    auto dw = b.allocate<float>(h * out * in), dw1 = b.allocate<float>(h * out * in);
    const bf16 *px = x.data(), *pw = w.data(), *pd = dy.data();
    for (int turn = 0; turn < 2; ++turn) {  // the second adds to dw
      layer::heads_forward(b, n, h, in, out, px, pw, nullptr, y.data());
      layer::heads_backward(b, n, h, in, out, px, pw, pd, dx.data(), dw.data(), nullptr);
      for (std::int64_t i = 0; i < h; ++i) {
        b.gemm(op::plain, op::transposed, n, out, in, 1.0f, px + i * in, h * in, pw + i * out * in, in, 0.0f,
               y1.data() + i * out, h * out);
        b.gemm(op::plain, op::plain, n, in, out, 1.0f, pd + i * out, h * out, pw + i * out * in, in, 0.0f, dx1.data() + i * in,
               h * in);
        b.gemm(op::transposed, op::plain, out, in, n, 1.0f, pd + i * out, h * out, px + i * in, h * in, 1.0f,
               dw1.data() + i * out * in, in);
      }
    }
    const auto same = [&](const auto& found, const auto& wanted) {
      const auto f = down(b, found), g = down(b, wanted);
      return std::memcmp(f.data(), g.data(), f.size() * sizeof(f[0])) == 0;
    };
    BOOST_TEST((same(y, y1) && same(dx, dx1) && same(dw, dw1)), h << " of " << in << " to " << out);
  }
}

// Each bfloat16, the middle between it and the next, and one float to either side of that.
BOOST_AUTO_TEST_CASE(numbers_are_rounded_as_on_the_host) {
  cuda_backend b;
  std::vector<float> x;
  for (std::uint32_t bits = 0; bits < 65536; ++bits)
    for (std::uint32_t rest : {0u, 0x7fffu, 0x8000u, 0x8001u}) x.push_back(std::bit_cast<float>(bits << 16 | rest));
  const auto from = up(b, x);
  auto to = b.allocate<bf16>(from.size());
  const int width = 1024;
  for_rows(b, from.size() / width, layer::convert_rows<float, bf16>{from.data(), to.data(), width});
  const auto y = down(b, to);
  int wrong = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    wrong += std::isnan(x[i]) ? !std::isnan(static_cast<float>(y[i])) : y[i].bits != bf16(x[i]).bits;
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(memory_starts_as_zero) {
  cuda_backend b;
  for (int i = 0; i < 3; ++i) {  // memory that was another buffer's too
    auto x = up(b, std::vector<float>(1000, 7.0f));
    x = b.allocate<float>(1000);
    for (float y : down(b, x)) BOOST_REQUIRE(y == 0);
  }
  BOOST_TEST(b.allocate<float>(0).size() == 0);
  BOOST_TEST(b.allocate<float>(0).data() == nullptr);
}

BOOST_AUTO_TEST_CASE(scratch_near_and_far) {
  cuda_backend b;
  for (int n : {3, 5000, 40000, 100000})  // 12 bytes to 400 KB
    for (std::int64_t teams : {std::int64_t{1}, std::int64_t{700}, b.teams() * 5}) {
      auto to = b.allocate<std::int64_t>(teams);
      b.launch(teams, static_cast<std::size_t>(n * 4 + 63) / 64 * 64, fill_and_add{n, to.data()});
      const auto sums = down(b, to);
      for (std::int64_t i = 0; i < teams; ++i)
        BOOST_REQUIRE(sums[static_cast<std::size_t>(i)] == std::int64_t{n} * i + std::int64_t{n} * (n - 1) / 2);
    }
  b.launch(0, 0, fill_and_add{1, nullptr});
}

// Buffers go before what uses them has run, and the memory is soon another's.
BOOST_AUTO_TEST_CASE(buffers_live_as_long_as_they_are_used) {
  cuda_backend b;
  auto to = b.allocate<std::int64_t>(1);
  for (int i = 0; i < 200; ++i) {
    auto part = b.allocate<std::int64_t>(1 << 16);
    b.launch(1 << 16, 64, fill_and_add{3, part.data()});
    b.launch(1, 64, fill_and_add{3, to.data()});
    auto over = b.allocate<std::int64_t>(1 << 16);
  }
  BOOST_TEST(down(b, to)[0] == 3);
}

BOOST_AUTO_TEST_CASE(a_stream_of_the_users) {
  cudaStream_t mine = nullptr;
  cuda::must(cudaStreamCreate(&mine), "a stream");
  {
    cuda_backend b(mine);
    BOOST_TEST((b.on().stream() == mine));
    const std::vector<double> x = {1, 2, 3};
    BOOST_TEST(down(b, up(b, x)) == x);
  }
  cuda::must(cudaStreamSynchronize(mine), "the stream is the user's still");
  cuda::must(cudaStreamDestroy(mine), "a stream");
}

// Replayed from the third time on; launched anew where memory has changed hands.
BOOST_AUTO_TEST_CASE(what_is_repeated_runs_each_time) {
  cuda_backend b;
  cuda_backend::recording r;
  auto sums = b.allocate<double>(3);
  int calls = 0, expected = 0;
  const auto once = [&] {
    b.repeat(r, [&] { ++calls, for_rows(b, 3, add_one{sums.data()}); });
    BOOST_TEST((down(b, sums) == std::vector<double>(3, ++expected)));
  };
  for (int i = 0; i < 10; ++i) once();
  BOOST_TEST(calls == 2);
  BOOST_TEST(b.on().replays() == 9);
  auto other = b.allocate<double>(3);
  for (int i = 0; i < 3; ++i) once();
  BOOST_TEST(calls == 4);
  std::swap(sums, other), other = {}, expected = 0;  // other addresses
  for (int i = 0; i < 5; ++i) once();
  BOOST_TEST(calls == 6);
  other = b.allocate<double>(1);
  once();  // the next time it is recorded
  BOOST_CHECK_THROW(b.repeat(r, [] { throw std::runtime_error("no"); }), std::runtime_error);
  for (int i = 0; i < 3; ++i) once();
}

// Memory of its own that is given back each time lies where it was, zero each time; what is kept for it goes back when memory
// is counted. Memory that is not given back is not recorded.
BOOST_AUTO_TEST_CASE(memory_of_what_is_repeated) {
  cuda_backend b;
  cuda_backend::recording r, holding;
  auto sums = b.allocate<double>(3);
  int calls = 0, expected = 0;
  const auto once = [&] {
    b.repeat(r, [&] {
      const auto some = b.allocate<double>(3), more = b.allocate<double>(5);
      ++calls, for_rows(b, 3, add_one{some.data()}), for_rows(b, 3, add_from{some.data(), sums.data()});
    });
    BOOST_TEST((down(b, sums) == std::vector<double>(3, ++expected)));
  };
  for (int i = 0; i < 6; ++i) once();
  BOOST_TEST(calls == 3);  // the first takes it, the second finds it, the third is recorded
  calls = 0, b.peak_memory();
  for (int i = 0; i < 6; ++i) once();
  BOOST_TEST(calls == 3);
  calls = 0;
  cuda::buffer<double> held;
  for (int i = 0; i < 6; ++i) {
    b.repeat(holding, [&] { ++calls, held = b.allocate<double>(3), for_rows(b, 3, add_from{sums.data(), held.data()}); });
    BOOST_TEST((down(b, held) == std::vector<double>(3, expected)));
    once();
  }
  BOOST_TEST(calls >= 6 + 6);  // nor is it left out that blocks are another's now
}

BOOST_AUTO_TEST_CASE(what_is_recorded_moves_nothing_to_or_from_the_host) {
  cuda_backend b;
  auto x = b.allocate<double>(1);
  const double one = 1;
  double found = 0;
  cuda_backend::recording up, down;
  const auto upload = [&] { b.upload(&one, x.data(), 1); };
  const auto download = [&] { b.download(static_cast<const double*>(x.data()), &found, 1); };
  b.repeat(up, upload), b.repeat(down, download);  // no memory changes hands: the next time is recorded
  BOOST_CHECK_THROW(b.repeat(up, upload), std::logic_error);
  BOOST_CHECK_THROW(b.repeat(down, download), std::logic_error);
  found = 0, b.repeat(up, upload), b.repeat(down, download);  // the next time they are launched plainly
  BOOST_TEST(found == 1);
}

BOOST_AUTO_TEST_CASE(more_memory_than_there_is) {
  cuda_backend b;
  const auto said = [](const std::exception& e) {
    const std::string what = e.what();
    return what.find("8796094 MB of GPU memory were asked for") != what.npos && what.find("are free on the ") != what.npos;
  };
  BOOST_CHECK_EXCEPTION(b.allocate<char>(std::int64_t{1} << 43), std::runtime_error, said);
  BOOST_TEST(down(b, up(b, std::vector<int>{5}))[0] == 5);  // and goes on
}

BOOST_AUTO_TEST_CASE(more_teams_than_a_launch_takes) {
  cuda_backend b;
  BOOST_CHECK_EXCEPTION(b.launch(std::int64_t{1} << 31, 0, fill_and_add{1, nullptr}), std::invalid_argument,
                        [](const std::exception& e) { return std::string(e.what()).find("2147483648") != std::string::npos; });
}
