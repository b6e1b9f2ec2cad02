#include "../model/models.hpp"

SUPRA_TEST_MODELS(, float)
template supra::model::attention_registry<supra::eigen_backend, float> supra_test::registry();
