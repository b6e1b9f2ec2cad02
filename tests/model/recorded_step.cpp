// A student's step on a backend that records it and launches it again, as devices do: kernels read ids and positions where they
// are uploaded, so that every replay is the next step.
#include <functional>

#include "models.hpp"
#include "supra/model/state.hpp"

using namespace supra_test;

namespace {

// What is launched the second time is launched again from then on with the same arguments, and no line of the caller's runs
// between, as long as no memory was taken.
class recording_backend : public supra::eigen_backend {
 public:
  using launches = std::vector<std::function<void()>>;
  struct recording {
    launches recorded;
    int changes = -1;
    bool steady = false;
  };
  template <class T>
  auto allocate(std::int64_t n) {
    ++changes_;
    return supra::eigen_backend::allocate<T>(n);
  }
  template <class K>
  void launch(std::int64_t n, std::size_t scratch, const K& kernel) {
    now_or_later([this, n, scratch, kernel] { supra::eigen_backend::launch(n, scratch, kernel); });
  }
  template <class... X>
  void gemm(X... x) {
    now_or_later([x...] { supra::eigen_backend::gemm(x...); });
  }
  template <class F>
  void repeat(recording& r, F f) {
    if (!r.steady || r.changes != changes_) {
      const int before = changes_;
      r.recorded.clear(), f();
      r.changes = changes_, r.steady = before == changes_;
      return;
    }
    if (r.recorded.empty()) into_ = &r.recorded, f(), into_ = nullptr;
    else ++replays;
    for (auto& again : r.recorded) again();
  }
  int replays = 0;

 private:
  template <class F>
  void now_or_later(F f) {
    if (into_) into_->push_back(f);
    else f();
  }
  launches* into_ = nullptr;
  int changes_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_replay_is_the_next_step) {
  for (auto& [name, c] : models_and_hybrids()) BOOST_TEST_CONTEXT(name) {
      if (!c.linear) continue;
      made<double> plain(c);
      made<double, recording_backend> recorded(c);
      supra::model::generation g(plain.m, 2);
      supra::model::generation h(recorded.m, 2);
      const std::int64_t steps = 40;
      for (std::int64_t t = 0; t < steps; ++t) {
        const auto ids = random_tokens(c.vocab, 2, static_cast<std::uint64_t>(t));
        const auto wanted = g.step(ids), found = h.step(ids);
        BOOST_TEST_REQUIRE((found == wanted), "step " << t);
        if (t == 20) g.feed(random_tokens(c.vocab, 2 * 5, 99), 5), h.feed(random_tokens(c.vocab, 2 * 5, 99), 5);
      }
      // The first step takes memory, the second does not, the third is recorded; so again after a prompt in the middle, but
      // for the first. With a norm over heads each step takes memory.
      BOOST_TEST(recorded.b.replays == (c.attention.qk_norm ? 0 : steps - 5));
    }
}
