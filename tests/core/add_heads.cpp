// Heads that share keys are added up in their order, however many are read side by side; tokens outside any sequence stay.
#include "supra/core/rows.hpp"

#include <cmath>
#include <limits>

#include "supra/core/serial.hpp"
#include "test.hpp"

using namespace supra;

BOOST_AUTO_TEST_CASE(the_same_bits_as_one_after_another) {
  constexpr int kv_heads = 2, width = 7;
  constexpr std::int64_t tokens = 90;
  const std::int64_t begin[] = {1, 1, 80}, end[] = {1, 75, 88};
  const sequences packed{3, 0, begin, end};
  serial_backend b;
  for (int group : {1, 3, 4, 5, 9}) {
    const int heads = kv_heads * group;
    std::vector<float> from(static_cast<std::size_t>(tokens * heads * width)),
        to(static_cast<std::size_t>(tokens * kv_heads * width), std::numeric_limits<float>::quiet_NaN());
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = std::sin(static_cast<float>(i)) * 1e3f;
    const add_heads<float> add{dense<const float>(from.data(), heads, width), dense(to.data(), kv_heads, width), packed, tokens,
                               group, kv_heads, width};
    b.launch(add.blocks().teams(), 0, add);
    for (std::int64_t t = 0; t < tokens; ++t)
      for (int g = 0; g < kv_heads; ++g)
        for (int i = 0; i < width; ++i) {
          const float found = to[static_cast<std::size_t>((t * kv_heads + g) * width + i)];
          if (!((t >= 1 && t < 75) || (t >= 80 && t < 88))) {
            BOOST_REQUIRE(std::isnan(found));
            continue;
          }
          float sum = 0;
          for (int h = 0; h < group; ++h) sum += from[static_cast<std::size_t>((t * heads + g * group + h) * width + i)];
          BOOST_REQUIRE(found == sum);
        }
  }
}
