// What is trained on and what is held out.
#include "../../examples/supra/training_text.hpp"

#include "io/temporary.hpp"
#include "test.hpp"

using namespace supra;
using program::token_documents;
using supra_test::says;

namespace {
token_documents counted(std::vector<int> lengths) {
  token_documents docs;
  std::int32_t token = 0;
  for (int n : lengths) {
    docs.emplace_back();
    while (n-- > 0) docs.back().push_back(token++);
  }
  return docs;
}
}  // namespace

BOOST_AUTO_TEST_CASE(the_last_documents_are_held_out) {
  for (auto [documents, share, held] : {std::tuple{2, 0.05, 1u}, {39, 0.05, 1u}, {40, 0.05, 2u}, {3, 0.9, 2u}, {5, 0.0, 1u}}) {
    const auto docs = counted(std::vector(static_cast<std::size_t>(documents), 3));
    const auto found = program::divided(docs, share, "it");
    BOOST_TEST((found.all == docs && found.held_out == held && !found.cut), documents << " documents, " << share);
  }
}

BOOST_AUTO_TEST_CASE(a_single_document_is_cut_at_a_token) {
  const auto cases = {std::tuple{1000, 0.05, 50}, {1019, 0.05, 50}, {7, 0.05, 1}, {2, 0.9, 1}, {10, 0.9, 9}, {5, 0.0, 1}};
  for (auto [tokens, share, held] : cases) {
    const auto found = program::divided(counted({tokens}), share, "it");
    BOOST_TEST((found.all == counted({tokens - held, held})), tokens << " tokens, " << share);  // none lost, in their order
    BOOST_TEST((found.held_out == 1 && found.cut));
  }
  BOOST_CHECK_EXCEPTION(program::divided(counted({1}), 0.05, "it"), io::error, says("it: has one document, of one token"));
}
