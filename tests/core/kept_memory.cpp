// Blocks that are kept: the smallest that is large enough and not too large, the same for the same calls, and what goes back.
#include "supra/core/kept_memory.hpp"

#include "test.hpp"

using supra::kept_memory;

BOOST_AUTO_TEST_CASE(the_smallest_that_is_large_enough) {
  char a = 0, b = 0, c = 0, other = 0;
  kept_memory kept;
  BOOST_TEST(kept.take(0) == static_cast<void*>(nullptr));
  kept.add(&a, 22), kept.add(&b, 10), kept.add(&c, 20);
  BOOST_TEST(kept.take(1) == static_cast<void*>(nullptr));  // all are in use
  for (char* x : {&a, &b, &c}) BOOST_TEST(kept.give_back(x));
  BOOST_TEST(!kept.give_back(&other));
  BOOST_TEST(kept.take(11) == static_cast<void*>(&c));
  BOOST_TEST(kept.take(11) == static_cast<void*>(&a));
  BOOST_TEST(kept.take(11) == static_cast<void*>(nullptr));
  BOOST_TEST(kept.take(10) == static_cast<void*>(&b));
}

// Else a small buffer that stays would take a large block from what needs it the next time.
BOOST_AUTO_TEST_CASE(none_that_is_more_than_twice_as_large) {
  char a = 0, b = 0;
  kept_memory kept;
  kept.add(&a, 11), kept.add(&b, 134), kept.give_back(&a), kept.give_back(&b);
  for (std::size_t bytes : {0, 1, 5, 12, 19, 66, 135})
    BOOST_TEST(kept.take(bytes) == static_cast<void*>(nullptr), bytes << " bytes");
  BOOST_TEST(kept.take(67) == static_cast<void*>(&b));
  BOOST_TEST(kept.take(6) == static_cast<void*>(&a));
}

// From the same blocks, the same of them free, the same calls get the same addresses; in whatever order they went back.
BOOST_AUTO_TEST_CASE(the_same_calls_get_the_same) {
  char at[4] = {};
  kept_memory kept;
  for (int i = 0; i < 4; ++i) kept.add(at + i, i < 2 ? 16 : 32);
  for (int i : {2, 0, 3, 1}) kept.give_back(at + i);
  const kept_memory before = kept;
  const auto take = [&] {
    std::vector<void*> taken;
    for (std::size_t bytes : {16, 24, 16, 16}) taken.push_back(kept.take(bytes));
    return taken;
  };
  const auto first = take();
  BOOST_TEST(!(kept == before));
  for (void* p : first) BOOST_TEST(kept.give_back(p));
  BOOST_TEST((kept == before));
  BOOST_TEST((take() == first));
  for (std::size_t i : {1, 3, 0, 2}) kept.give_back(first[i]);
  BOOST_TEST((take() == first));
}

BOOST_AUTO_TEST_CASE(what_is_free_goes_back) {
  char a = 0, b = 0, c = 0;
  kept_memory kept;
  kept.add(&a, 8), kept.add(&b, 8), kept.add(&c, 8), kept.give_back(&a), kept.remove(&c);
  BOOST_TEST(!kept.give_back(&c));
  std::vector<void*> gone;
  kept.release([&](void* p) { gone.push_back(p); });
  BOOST_TEST((gone == std::vector<void*>{&a}));
  BOOST_TEST(!kept.give_back(&a));
  BOOST_TEST(kept.give_back(&b));
  BOOST_TEST(kept.take(8) == static_cast<void*>(&b));
}
