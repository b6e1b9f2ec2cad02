#include "../model/models.hpp"

SUPRA_TEST_MODELS(, supra::bf16)
template supra::model::attention_registry<supra::eigen_backend, supra::bf16> supra_test::registry();
